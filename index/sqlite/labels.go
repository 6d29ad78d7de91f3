package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/imgsearch/imgsearch/index/internal/column"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/vec"
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
	l, err := labelState(ctx, s.read)
	if err != nil || l.Model == "" {
		return out, err
	}
	labels, err := s.storedLabels(ctx, s.read)
	if err != nil {
		return out, err
	}
	orphans, err := s.orphanSet(ctx)
	if err != nil {
		return out, err
	}
	var labelled bitmap
	for _, l := range labels {
		eachLabelled(l.pictures, func(id int64, _ float32) { labelled.add(id) })
	}
	labelled.subtract(orphans)
	out = store.LabelState{Model: l.Model, Language: l.Language, Least: l.Least, Labels: len(labels), Labelled: labelled.count()}
	err = s.read.QueryRowContext(ctx, `SELECT count(DISTINCT e.picture_id) FROM embeddings e JOIN pictures p ON p.id = e.picture_id
		WHERE e.model_id = (SELECT id FROM models WHERE identity = ?) AND e.seq <= ? AND p.orphaned_at IS NULL`, l.Model, l.Seq).Scan(&out.Compared)
	return out, explain(err)
}

// Label compares all pictures with labels.
func (s *Store) Label(ctx context.Context, r store.LabelRequest) error {
	found, last, err := s.compareLabels(ctx, r)
	if err != nil {
		return fmt.Errorf("label: %w", err)
	}
	return s.inTx(ctx, func(t *tx) error {
		if _, err := t.exec(ctx, "DELETE FROM labels"); err != nil {
			return err
		}
		if len(r.Labels) == 0 {
			return t.putMeta(ctx, column.LabelsKey, "")
		}
		for i, l := range r.Labels {
			if _, err := t.exec(ctx, "INSERT INTO labels(id, name, vector, pictures) VALUES (?, ?, ?, ?)",
				i+1, l.Name, packQuery(l.Name, l.Vector), packLabelled(found[i])); err != nil {
				return err
			}
		}
		return t.putMeta(ctx, column.LabelsKey, column.Labels{Model: r.Model, Language: r.Language, Least: r.Least, Seq: last}.Text())
	})
}

// compareLabels returns for each label the pictures that deserve it, by row id, and the last vector that was compared.
func (s *Store) compareLabels(ctx context.Context, r store.LabelRequest) (found []labelled, last int64, err error) {
	if len(r.Labels) == 0 {
		return nil, 0, nil
	}
	snap, err := s.acquire(ctx, r.Model)
	if err != nil {
		return nil, 0, err
	}
	found = make([]labelled, len(r.Labels))
	if snap == nil {
		return found, 0, nil
	}
	defer snap.release()
	for i, l := range r.Labels {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		if len(l.Vector) != snap.dim {
			return nil, 0, fmt.Errorf("the label %q has %d dimensions, but the index has %d", l.Name, len(l.Vector), snap.dim)
		}
		scores, err := snap.scores(store.NearestQuery{Vector: l.Vector}, nil)
		if err != nil {
			return nil, 0, err
		}
		found[i] = make(labelled)
		for k, score := range scores {
			if !deserves(score, r.Least) {
				continue
			}
			row, err := snap.rowAt(k)
			if err != nil {
				return nil, 0, err
			}
			found[i][pictureOf(row)] = max(found[i][pictureOf(row)], score)
		}
	}
	return found, snap.seq, nil
}

// deserves reports whether a picture with a score gets a label. Damaged vectors have scores that no cosine has, or none.
func deserves(score float32, least float64) bool {
	return float64(score) >= least && float64(score) <= maxCosine
}

// LabelNew compares the vectors that were added since the last comparison with the labels, and returns the number of pictures they belong to.
func (s *Store) LabelNew(ctx context.Context) (pictures int, err error) {
	state, err := labelState(ctx, s.read)
	if err != nil || state.Model == "" {
		return 0, err
	}
	model, err := modelID(ctx, s.read, state.Model)
	if err != nil || model == 0 {
		return 0, err
	}
	labels, err := s.storedLabels(ctx, s.read)
	if err != nil {
		return 0, err
	}
	var fresh bitmap
	scores := make([]labelled, len(labels))
	for i := range scores {
		scores[i] = make(labelled)
	}
	last := state.Seq
	err = s.vectorsAfter(ctx, model, state.Seq, func(number, row int64, vector []byte) error {
		last = number
		id := pictureOf(row)
		fresh.add(id)
		v := vec.Unpack(vector)
		for i, l := range labels {
			if len(v) != len(l.Vector) {
				continue // damaged
			}
			if score := float32(vec.Dot(v, l.Vector)); deserves(score, state.Least) {
				scores[i][id] = max(scores[i][id], score)
			}
		}
		return ctx.Err()
	})
	if err != nil || last == state.Seq {
		return 0, err
	}
	state.Seq = last
	return fresh.count(), s.inTx(ctx, func(t *tx) error {
		for i, l := range labels {
			pictures := unpackLabelled(l.pictures)
			n := len(pictures)
			maps.DeleteFunc(pictures, func(id int64, _ float32) bool { return fresh.has(id) })
			if len(pictures) == n && len(scores[i]) == 0 {
				continue
			}
			maps.Copy(pictures, scores[i])
			if _, err := t.exec(ctx, "UPDATE labels SET pictures = ? WHERE id = ?", packLabelled(pictures), l.id); err != nil {
				return err
			}
		}
		return t.putMeta(ctx, column.LabelsKey, state.Text())
	})
}

// LabelVectors returns the labels of the index with their vectors.
func (s *Store) LabelVectors(ctx context.Context) ([]store.LabelVector, error) {
	stored, err := s.storedLabels(ctx, s.read)
	list := make([]store.LabelVector, len(stored))
	for i, l := range stored {
		list[i] = l.LabelVector
	}
	return list, err
}

// Labels returns the labels of pictures, best first.
func (s *Store) Labels(ctx context.Context, ids []store.PictureID) (map[store.PictureID][]store.Label, error) {
	labels, err := s.storedLabels(ctx, s.read)
	if err != nil || len(labels) == 0 {
		return nil, err
	}
	public, err := s.rowsOf(ctx, ids)
	if err != nil {
		return nil, err
	}
	all := make(map[store.PictureID][]store.Label)
	for _, l := range labels {
		eachLabelled(l.pictures, func(id int64, score float32) {
			if p, ok := public[id]; ok {
				all[p] = append(all[p], store.Label{Name: l.Name, Score: float64(score)})
			}
		})
	}
	for _, list := range all {
		slices.SortFunc(list, func(a, b store.Label) int { return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Name, b.Name)) })
	}
	return all, nil
}
