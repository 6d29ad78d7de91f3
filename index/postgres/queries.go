package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math"

	"github.com/imgsearch/imgsearch/index/store"
)

// maxQueries is the number of queries stored: about 30 MB for a model with 768 dimensions.
const maxQueries = 10_000

// Queries returns the stored vectors of texts.
func (s *Store) Queries(ctx context.Context, model string, texts []string) (map[string][]float32, error) {
	byDigest := make(map[string]string, len(texts))
	digests := make([][]byte, len(texts))
	for i, text := range texts {
		digest := sha256.Sum256([]byte(text))
		digests[i], byDigest[string(digest[:])] = digest[:], text
	}
	known := make(map[string][]float32)
	err := inChunks(digests, func(chunk [][]byte) error {
		return each(ctx, s.db, "SELECT q.digest, q.vector, m.dim FROM models m JOIN queries q ON q.model_id = m.id WHERE m.identity = $1 AND q.digest = ANY($2)", func(scan scanFunc) error {
			var digest, raw []byte
			var dim int
			err := scan(&digest, &raw, &dim)
			if v := unpackFloats(raw); len(v) == dim {
				known[byDigest[string(digest)]] = v
			}
			return err
		}, model, chunk)
	})
	return known, err
}

func packFloats(v []float32) []byte {
	raw := make([]byte, 0, 4*len(v))
	for _, x := range v {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	return raw
}

func unpackFloats(raw []byte) []float32 {
	v := make([]float32, len(raw)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return v
}

// RememberQueries stores the vectors of texts. If the role may only read, nothing is stored.
func (s *Store) RememberQueries(ctx context.Context, model string, vectors map[string][]float32) error {
	var digests, packed [][]byte
	var texts []string
	for text, v := range vectors {
		digest := sha256.Sum256([]byte(text))
		digests, texts, packed = append(digests, digest[:]), append(texts, plain(text)), append(packed, packFloats(v))
	}
	last, ok, err := value[int64](ctx, s.db, `WITH put AS (INSERT INTO queries(model_id, digest, text, vector) SELECT m.id, n.digest, n.text, n.vector
		FROM models m, unnest($2::bytea[], $3::text[], $4::bytea[]) AS n(digest, text, vector) WHERE m.identity = $1 ORDER BY n.digest
		ON CONFLICT (model_id, digest) DO UPDATE SET vector = excluded.vector RETURNING id) SELECT max(id) FROM put HAVING count(*) > 0`, model, digests, texts, packed)
	if err == nil && ok && last > maxQueries {
		_, err = s.db.Exec(ctx, "DELETE FROM queries WHERE id <= $1", last-maxQueries)
		err = explain(err)
	}
	if errors.Is(err, store.ErrReadOnly) {
		return nil
	}
	return err
}
