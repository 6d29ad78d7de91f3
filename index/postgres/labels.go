package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/imgsearch/imgsearch/index/internal/column"
	"github.com/imgsearch/imgsearch/index/store"
)

func labelState(ctx context.Context, q querier) (column.Labels, error) {
	text, err := metaValue(ctx, q, column.LabelsKey)
	if err != nil {
		return column.Labels{}, err
	}
	return column.ParseLabels(text)
}

// LabelState says how far the index is labelled.
func (s *Store) LabelState(ctx context.Context) (out store.LabelState, err error) {
	l, err := labelState(ctx, s.db)
	if err != nil || l.Model == "" {
		return out, err
	}
	out = store.LabelState{Model: l.Model, Language: l.Language, Least: l.Least}
	err = s.db.QueryRow(ctx, `SELECT (SELECT count(*) FROM labels),
		(SELECT count(*) FROM pictures p WHERE p.orphaned_at IS NULL AND EXISTS (SELECT 1 FROM picture_labels pl WHERE pl.picture_id = p.id)),
		(SELECT count(DISTINCT e.picture_id) FROM vectors e JOIN pictures p ON p.id = e.picture_id WHERE e.model_id = (SELECT id FROM models WHERE identity = $1) AND e.seq <= $2 AND p.orphaned_at IS NULL)`,
		l.Model, l.Seq).Scan(&out.Labels, &out.Labelled, &out.Compared)
	return out, explain(err)
}

// Label compares all pictures with labels.
func (s *Store) Label(ctx context.Context, r store.LabelRequest) error {
	err := s.labelling(ctx, func(t *tx) error {
		for _, stmt := range []string{"DELETE FROM labels", "DELETE FROM picture_labels"} {
			if err := t.exec(ctx, stmt); err != nil {
				return err
			}
		}
		if len(r.Labels) == 0 {
			return t.putMeta(ctx, column.LabelsKey, "")
		}
		m, err := modelOf(ctx, t.tx, r.Model)
		if err != nil {
			return err
		}
		last, _, err := value[int64](ctx, t.tx, "SELECT coalesce(max(seq), 0) FROM vectors WHERE model_id = $1", m.id)
		if err != nil {
			return err
		}
		for _, l := range r.Labels {
			if m.id != 0 && len(l.Vector) != int(m.dim) {
				return fmt.Errorf("the label %q has %d dimensions, but the index has %d", l.Name, len(l.Vector), m.dim)
			}
			id, _, err := value[int32](ctx, t.tx, "INSERT INTO labels(name, vector) VALUES ($1, $2) RETURNING id", plain(l.Name), packFloats(l.Vector))
			if err != nil {
				return err
			}
			if err := t.compareLabel(ctx, id, m, l.Vector, r.Least, 0); err != nil {
				return err
			}
		}
		return t.putMeta(ctx, column.LabelsKey, column.Labels{Model: r.Model, Language: r.Language, Least: r.Least, Seq: last}.Text())
	})
	if err != nil {
		return fmt.Errorf("label: %w", err)
	}
	return nil
}

// labelling runs work in a transaction in which nobody else labels. It lets others write, since comparing takes long; readers see the earlier labels meanwhile.
func (s *Store) labelling(ctx context.Context, work func(*tx) error) error {
	t := s.begin()
	return explain(pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
		t.tx = tx
		if err := t.exec(ctx, "SELECT pg_advisory_xact_lock($1, $2)", lockClass, labelLock); err != nil {
			return err
		}
		return work(t)
	}))
}

// compareLabel gives a label to the pictures that deserve it and have a vector after a number.
func (t *tx) compareLabel(ctx context.Context, id int32, m modelRow, vector []float32, least float64, after int64) error {
	return t.exec(ctx, `INSERT INTO picture_labels(label_id, picture_id, score) SELECT $1, e.picture_id, max(-(e.v <#> $2::float4[]::halfvec))
		FROM vectors e WHERE e.model_id = $3 AND e.seq > $4 AND -(e.v <#> $2::float4[]::halfvec) >= $5 GROUP BY e.picture_id`, id, vector, m.id, after, least)
}

// LabelNew compares the vectors that were added since the last comparison with the labels, and returns the number of pictures they belong to.
func (s *Store) LabelNew(ctx context.Context) (pictures int, err error) {
	if state, err := labelState(ctx, s.db); err != nil || state.Model == "" {
		return 0, err
	}
	err = s.labelling(ctx, func(t *tx) error {
		state, err := labelState(ctx, t.tx) // the last machine's
		if err != nil || state.Model == "" {
			return err
		}
		m, err := modelOf(ctx, t.tx, state.Model)
		if err != nil || m.id == 0 {
			return err
		}
		var last int64
		if err := t.tx.QueryRow(ctx, "SELECT count(DISTINCT picture_id), coalesce(max(seq), 0) FROM vectors WHERE model_id = $1 AND seq > $2", m.id, state.Seq).Scan(&pictures, &last); err != nil || pictures == 0 {
			return explain(err)
		}
		if err := t.exec(ctx, "DELETE FROM picture_labels WHERE picture_id IN (SELECT picture_id FROM vectors WHERE model_id = $1 AND seq > $2)", m.id, state.Seq); err != nil {
			return err
		}
		labels, err := storedLabels(ctx, t.tx)
		if err != nil {
			return err
		}
		for _, l := range labels {
			if len(l.Vector) != int(m.dim) {
				continue
			}
			if err := t.compareLabel(ctx, l.id, m, l.Vector, state.Least, state.Seq); err != nil {
				return err
			}
		}
		state.Seq = last
		return t.putMeta(ctx, column.LabelsKey, state.Text())
	})
	return pictures, err
}

type storedLabel struct {
	store.LabelVector

	id int32
}

func storedLabels(ctx context.Context, q querier) ([]storedLabel, error) {
	return collect(ctx, q, "SELECT id, name, vector FROM labels ORDER BY id", func(scan scanFunc) (l storedLabel, err error) {
		var raw []byte
		err = scan(&l.id, &l.Name, &raw)
		l.Vector = unpackFloats(raw)
		return l, err
	})
}

// LabelVectors returns the labels of the index with their vectors.
func (s *Store) LabelVectors(ctx context.Context) ([]store.LabelVector, error) {
	stored, err := storedLabels(ctx, s.db)
	list := make([]store.LabelVector, len(stored))
	for i, l := range stored {
		list[i] = l.LabelVector
	}
	return list, err
}

// Labels returns the labels of pictures, best first.
func (s *Store) Labels(ctx context.Context, list []store.PictureID) (map[store.PictureID][]store.Label, error) {
	all := make(map[store.PictureID][]store.Label)
	err := inChunks(list, func(chunk []store.PictureID) error {
		return each(ctx, s.db, `SELECT p.sha256, l.name, pl.score FROM pictures p JOIN picture_labels pl ON pl.picture_id = p.id JOIN labels l ON l.id = pl.label_id
			WHERE p.sha256 = ANY($1) AND p.orphaned_at IS NULL ORDER BY pl.score DESC, l.name COLLATE "C"`, func(scan scanFunc) error {
			var sha []byte
			var l store.Label
			if err := scan(&sha, &l.Name, &l.Score); err != nil {
				return err
			}
			id, err := column.PictureID(sha)
			all[id] = append(all[id], l)
			return err
		}, ids(chunk))
	})
	return all, err
}

// matchingLabels returns the row ids of the labels that a glob matches.
func (s *Store) matchingLabels(ctx context.Context, glob string) ([]int32, error) {
	glob = store.FoldText(glob)
	found := []int32{}
	err := each(ctx, s.db, "SELECT id, name FROM labels", func(scan scanFunc) error {
		var id int32
		var name string
		err := scan(&id, &name)
		if err == nil && store.MatchLabel(glob, name) {
			found = append(found, id)
		}
		return err
	})
	return found, err
}
