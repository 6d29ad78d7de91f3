package sqlite

import (
	"context"
	"slices"

	"github.com/imgsearch/imgsearch/index/store"
)

// ranked returns the scores and ranks of pictures. A picture's rank is one more than the number of pictures with a file whose best moment scores higher.
// set is the set that was searched; nil for all pictures, also those without a file.
func (s *Store) ranked(ctx context.Context, snap *snapshot, scores []float32, set bitmap, ids []store.PictureID) (map[store.PictureID]store.Ranked, error) {
	if len(ids) == 0 {
		return nil, nil //nolint:nilnil // an empty map
	}
	public, err := s.rowsOf(ctx, ids)
	if err != nil {
		return nil, err
	}
	best, err := snap.best(scores, func(id int64) bool { _, ok := public[id]; return ok })
	if err != nil {
		return nil, err
	}
	marks := make([]float64, 0, len(best)) // the scores whose ranks are wanted, in ascending order
	for _, b := range best {
		marks = append(marks, b.Score)
	}
	var orphans bitmap
	if set == nil {
		if orphans, err = s.orphanSet(ctx); err != nil {
			return nil, err
		}
	}
	slices.Sort(marks)
	marks = slices.Compact(marks)
	// above[i] counts the pictures that score higher than marks[i-1] and at most marks[i].
	above := make([]int, len(marks)+1)
	if err := snap.eachBest(scores, func(id int64, score float64) {
		if !orphans.has(id) {
			i, _ := slices.BinarySearch(marks, score)
			above[i]++
		}
	}); err != nil {
		return nil, err
	}
	found := make(map[store.PictureID]store.Ranked, len(best))
	for id, b := range best {
		i, _ := slices.BinarySearch(marks, b.Score)
		rank := 1
		for _, n := range above[i+1:] {
			rank += n
		}
		b.Picture = public[id]
		found[b.Picture] = store.Ranked{Scored: b, Rank: rank}
	}
	return found, nil
}

// rowsOf returns the public ids of the given pictures that have a file, by row id.
func (s *Store) rowsOf(ctx context.Context, ids []store.PictureID) (map[int64]store.PictureID, error) {
	rows := make(map[int64]store.PictureID, len(ids))
	err := inChunks(ids, func(chunk []store.PictureID) error {
		with, args := wantedIDs(chunk)
		_, err := collect(ctx, s.read, with+"SELECT w.nr, p.id FROM wanted w CROSS JOIN pictures p ON p.sha256 = w.sha256 WHERE p.orphaned_at IS NULL",
			func(scan scanFunc) (struct{}, error) {
				var nr int
				var id int64
				err := scan(&nr, &id)
				rows[id] = chunk[nr]
				return struct{}{}, err
			}, args...)
		return explain(err)
	})
	return rows, err
}

// best returns the best moments of the pictures that are wanted, by row id.
func (n *snapshot) best(scores []float32, wanted func(id int64) bool) (map[int64]store.Scored, error) {
	best := make(map[int64]store.Scored)
	err := n.eachRow(scores, func(row int64, score float32) {
		id := pictureOf(row)
		if known, ok := best[id]; wanted(id) && (!ok || float64(score) > known.Score) {
			best[id] = store.Scored{Moment: momentOf(row), Score: float64(score)}
		}
	})
	return best, err
}

// eachBest calls each with every picture and the score of its best moment.
func (n *snapshot) eachBest(scores []float32, each func(id int64, score float64)) error {
	more := make(map[int64]float32) // the best scores of the pictures with several moments
	if err := n.eachRow(scores, func(row int64, score float32) {
		if momentOf(row) > 0 {
			if known, ok := more[pictureOf(row)]; !ok || score > known {
				more[pictureOf(row)] = score
			}
		}
	}); err != nil {
		return err
	}
	return n.eachRow(scores, func(row int64, score float32) {
		if momentOf(row) == 0 {
			if other, ok := more[pictureOf(row)]; ok {
				score = max(score, other)
			}
			each(pictureOf(row), float64(score))
		}
	})
}

// eachRow calls each with every row that was searched.
func (n *snapshot) eachRow(scores []float32, each func(row int64, score float32)) error {
	inFile := 0
	visit := func(offset int) func(i int, row int64) {
		return func(i int, row int64) {
			if score := scores[offset+i]; score != outside {
				each(row, score)
			}
		}
	}
	if n.file != nil {
		inFile = n.file.Len()
		if err := n.file.IDs(visit(0)); err != nil {
			return err
		}
	}
	return n.newest.IDs(visit(inFile))
}
