package postgres

import (
	"context"

	"github.com/imgsearch/imgsearch/index/store"
)

// Integrity checks what the server does not check by itself: that the counts agree with the tables.
func (s *Store) Integrity(ctx context.Context) (findings []string, err error) {
	for _, check := range []struct{ finding, query string }{
		{"the number of pictures is wrong", "SELECT (SELECT value::bigint FROM meta WHERE key = 'pictures') = (SELECT count(*) FROM pictures p WHERE EXISTS (SELECT 1 FROM files f WHERE f.picture_id = p.id))"},
		{"pictures with a file are marked as having none, or the other way round", "SELECT NOT EXISTS (SELECT 1 FROM pictures p WHERE (p.orphaned_at IS NULL) <> EXISTS (SELECT 1 FROM files f WHERE f.picture_id = p.id))"},
		{"the number of files of a root is wrong", "SELECT NOT EXISTS (SELECT 1 FROM roots r CROSS JOIN LATERAL (SELECT count(*) AS files, coalesce(sum(f.size), 0) AS bytes FROM files f JOIN folders d ON d.id = f.folder_id WHERE d.root_id = r.id) n WHERE r.files <> n.files OR r.bytes <> n.bytes)"},
		{"the number of vectors of a model is wrong", "SELECT NOT EXISTS (SELECT 1 FROM models m WHERE m.vectors <> (SELECT count(*) FROM vectors e WHERE e.model_id = m.id))"},
		{"the number of pictures with a vector of a model is wrong", "SELECT NOT EXISTS (SELECT 1 FROM models m WHERE m.embedded <> (SELECT count(DISTINCT e.picture_id) FROM vectors e JOIN pictures p ON p.id = e.picture_id WHERE e.model_id = m.id AND p.orphaned_at IS NULL))"},
		{"vectors belong to no picture", "SELECT NOT EXISTS (SELECT 1 FROM vectors e WHERE NOT EXISTS (SELECT 1 FROM pictures p WHERE p.id = e.picture_id))"},
	} {
		ok, _, err := value[bool](ctx, s.db, check.query)
		if err != nil {
			return nil, err
		}
		if !ok {
			findings = append(findings, check.finding)
		}
	}
	return findings, nil
}

// CheckVectors examines the vectors. The server refuses numbers that are not finite, so only their length can be wrong.
func (s *Store) CheckVectors(ctx context.Context) (d store.VectorDamage, err error) {
	d.Vectors, _, err = value[int](ctx, s.db, "SELECT count(*) FROM vectors e JOIN models m ON m.id = e.model_id WHERE vector_dims(e.v) <> m.dim OR abs(l2_norm(e.v) - 1) > 0.01")
	return d, err
}
