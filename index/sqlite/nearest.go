package sqlite

import (
	"cmp"
	"container/heap"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"

	"golang.org/x/sync/errgroup"

	"github.com/imgsearch/imgsearch/index/internal/column"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/vec"
)

// Nearest scans the vectors of all pictures that match the filter. The search is exact and limited by memory bandwidth.
func (s *Store) Nearest(ctx context.Context, q store.NearestQuery) (store.Nearest, error) {
	n, err := s.nearest(ctx, q)
	if !errors.Is(err, errVectorFile) {
		return n, err
	}
	// The index may have changed between the scan and the comparison. What differs in the same state again is damaged.
	if n, err = s.nearest(ctx, q); !errors.Is(err, errVectorFile) {
		return n, err
	}
	if s.hasIntactFile(ctx, q.Model) {
		n, err = s.nearestOf(ctx, q, false)
		n.IndexDamaged = true
		return n, err
	}
	if err := s.dropVectorFile(q.Model); err != nil {
		return n, err
	}
	n, err = s.nearest(ctx, q)
	n.Damaged = true
	return n, err
}

func (s *Store) nearest(ctx context.Context, q store.NearestQuery) (store.Nearest, error) {
	return s.nearestOf(ctx, q, true)
}

// nearestOf searches. If compare is set and the vector file differs from the index, the error is errVectorFile.
func (s *Store) nearestOf(ctx context.Context, q store.NearestQuery, compare bool) (n store.Nearest, err error) {
	set, _, err := s.set(ctx, q.Filter)
	if err != nil {
		return n, err
	}
	snap, err := s.acquire(ctx, q.Model)
	if err != nil || snap == nil {
		return n, err
	}
	defer snap.release()
	if len(q.Vector) != snap.dim {
		return n, fmt.Errorf("search: the query has %d dimensions, but the index has %d", len(q.Vector), snap.dim)
	}
	key, mayKeep := answerKey(q)
	mayKeep = mayKeep && compare && snap.changes > 0 && !s.memory
	if mayKeep {
		if known, ok := s.vectors.answers.get(key, snap.changes); ok {
			return known, nil
		}
		defer func() {
			if err == nil && !n.IndexDamaged {
				s.vectors.answers.put(key, snap.changes, n)
			}
		}()
	}
	scores, err := snap.scores(q, set)
	if err != nil {
		return n, err
	}
	n.IndexDamaged = snap.unfit
	if snap.file != nil && compare {
		if err := inRange(scores[:snap.file.Len()]); err != nil {
			return n, err
		}
	}
	unfit, err := snap.dropUnfit(scores, q.Limit)
	if err != nil {
		return n, err
	}
	n.IndexDamaged = n.IndexDamaged || unfit
	if n.Searched, n.Mean, err = snap.survey(scores, set); err != nil {
		return n, err
	}
	if n.Also, err = s.ranked(ctx, snap, scores, set, q.Also); err != nil {
		return n, err
	}
	for want := q.Limit; ; want *= 2 {
		best := topK(scores, want)
		compared := func() error { return nil }
		if compare {
			compared = beside(len(best) >= manyHits, func() error { return s.compareHits(ctx, snap, q.Vector, scores, best) })
		}
		n.Hits, err = s.scored(ctx, snap, scores, best)
		if err := cmp.Or(compared(), err); err != nil {
			return n, err
		}
		// Some of the best rows were of pictures without a file, or further moments of the same picture.
		if len(n.Hits) >= q.Limit || len(best) < want {
			return n, nil
		}
	}
}

// manyHits is the number of hits from which on reading their vectors takes longer than opening another connection.
const manyHits = 64

// beside starts work in another goroutine if parallel is set. The returned function waits for it, or does it.
func beside(parallel bool, work func() error) (wait func() error) {
	if !parallel {
		return work
	}
	var g errgroup.Group
	g.Go(work)
	return g.Wait
}

// outside is the score of a row that does not match the filter.
var outside = float32(math.Inf(-1))

// scores returns the scores of the rows in the file and then of the newest rows.
func (n *snapshot) scores(q store.NearestQuery, set bitmap) ([]float32, error) {
	var keep func(row int64) bool
	if set != nil {
		keep = func(row int64) bool { return set.has(pictureOf(row)) }
	}
	inFile := 0
	if n.file != nil {
		inFile = n.file.Len()
	}
	scores := make([]float32, inFile+n.newest.Len())
	if inFile > 0 {
		scan := n.file.Scan
		if q.OneShot {
			scan = n.file.ScanOneShot
		}
		if err := scan(q.Vector, scores[:inFile], keep, outside); err != nil {
			return nil, err
		}
	}
	return scores, n.newest.Scan(q.Vector, scores[inFile:], keep, outside)
}

// survey returns the number of pictures searched and the mean of all scores.
func (n *snapshot) survey(scores []float32, set bitmap) (pictures int, mean float64, err error) {
	sum, rows := 0.0, 0
	for _, x := range scores {
		if x != outside {
			sum += float64(x)
			rows++
		}
	}
	pictures = n.embedded
	if set != nil {
		pictures = 0
		seen := make(bitmap, len(set))
		count := func(_ int, row int64) {
			if id := pictureOf(row); set.has(id) && !seen.has(id) {
				seen.add(id)
				pictures++
			}
		}
		if n.file != nil {
			err = n.file.IDs(count)
		}
		if err == nil {
			err = n.newest.IDs(count)
		}
	}
	return pictures, sum / max(float64(rows), 1), err
}

// rowAt returns the row whose score has the index i.
func (n *snapshot) rowAt(i int) (int64, error) {
	if n.file != nil {
		if i < n.file.Len() {
			return n.file.ID(i)
		}
		i -= n.file.Len()
	}
	return n.newest.ID(i)
}

// scored returns the pictures of the best rows that have a file, each with its best moment, sorted by descending score.
func (s *Store) scored(ctx context.Context, snap *snapshot, scores []float32, best []int) ([]store.Scored, error) {
	byID := make(map[int64]store.Scored, len(best))
	for _, i := range best {
		row, err := snap.rowAt(i)
		if err != nil {
			return nil, err
		}
		id, score := pictureOf(row), float64(scores[i])
		if known, ok := byID[id]; !ok || score > known.Score {
			byID[id] = store.Scored{Moment: momentOf(row), Score: score}
		}
	}
	ids := make([]int64, 0, len(byID))
	for id := range byID {
		ids = append(ids, id)
	}
	hits := make([]store.Scored, 0, len(ids))
	err := s.publicIDs(ctx, ids, func(id int64, public store.PictureID) {
		h := byID[id]
		h.Picture = public
		hits = append(hits, h)
	})
	store.SortScored(hits)
	return hits, err
}

// publicIDs calls each with the public id of every given picture that has a file.
func (s *Store) publicIDs(ctx context.Context, ids []int64, each func(id int64, public store.PictureID)) error {
	return inChunks(ids, func(chunk []int64) error {
		args := numbers(chunk)
		_, err := collect(ctx, s.read, "SELECT id, sha256 FROM pictures WHERE orphaned_at IS NULL AND id IN "+marks(len(chunk)), func(scan scanFunc) (struct{}, error) {
			var id int64
			var sha []byte
			if err := scan(&id, &sha); err != nil {
				return struct{}{}, err
			}
			public, err := column.PictureID(sha)
			if err == nil {
				each(id, public)
			}
			return struct{}{}, err
		}, args...)
		return explain(err)
	})
}

// topK returns the indexes of the k best scores and of all scores equal to the worst of them, not sorted by score.
func topK(scores []float32, k int) []int {
	if k < 1 {
		return nil
	}
	h := minHeap{}
	for _, v := range scores {
		if v == outside {
			continue
		}
		if len(h) < k {
			heap.Push(&h, v)
		} else if v > h[0] {
			h[0] = v
			heap.Fix(&h, 0)
		}
	}
	if len(h) == 0 {
		return nil
	}
	worst := h[0]
	var best []int
	for i, v := range scores {
		if v >= worst {
			best = append(best, i)
		}
	}
	return best
}

type minHeap []float32

func (h minHeap) Len() int           { return len(h) }
func (h minHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h minHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *minHeap) Push(x any)        { *h = append(*h, x.(float32)) } //nolint:forcetypeassert // only topK pushes
func (h *minHeap) Pop() any          { old := *h; x := old[len(old)-1]; *h = old[:len(old)-1]; return x }

// Vectors returns a model's vectors for the first moments of pictures.
func (s *Store) Vectors(ctx context.Context, model string, ids []store.PictureID) (map[store.PictureID][]float32, error) {
	found := make(map[store.PictureID][]float32)
	err := inChunks(ids, func(chunk []store.PictureID) error {
		with, args := wantedIDs(chunk)
		_, err := collect(ctx, s.read, with+`SELECT w.nr, e.vector, m.dim FROM wanted w CROSS JOIN models m ON m.identity = ? CROSS JOIN pictures p ON p.sha256 = w.sha256
			CROSS JOIN embeddings e ON e.model_id = m.id AND e.picture_id = p.id AND e.moment = 0`, func(scan scanFunc) (struct{}, error) {
			var nr, dim int
			var raw []byte
			err := scan(&nr, &raw, &dim)
			if err == nil && len(raw) == 2*dim {
				found[chunk[nr]] = vec.Unpack(raw)
			}
			return struct{}{}, err
		}, append(args, model)...)
		return explain(err)
	})
	return found, err
}

// EachVector calls each with the vectors of the pictures that match a filter.
func (s *Store) EachVector(ctx context.Context, model string, f store.Filter, each func(store.Vector) error) error {
	set, _, err := s.set(ctx, f)
	if err != nil {
		return err
	}
	snap, err := s.acquire(ctx, model)
	if err != nil || snap == nil {
		return err
	}
	defer snap.release()
	public, err := s.allPublicIDs(ctx)
	if err != nil {
		return err
	}
	var failed error
	visit := func(row int64, vector []byte) {
		id := pictureOf(row)
		if failed != nil || set != nil && !set.has(id) {
			return
		}
		if id >= int64(len(public)) {
			return // added in the meantime
		}
		if name := public[id]; name != (store.PictureID{}) {
			failed = each(store.Vector{Picture: name, Moment: store.Moment{Number: momentOf(row)}, Data: vector})
		}
	}
	if snap.file != nil {
		if err := snap.file.Vectors(visit); err != nil {
			return err
		}
	}
	return errors.Join(snap.newest.Vectors(visit), failed)
}

// allPublicIDs returns the public ids of all pictures that have a file, indexed by row id; other elements are zero.
func (s *Store) allPublicIDs(ctx context.Context) ([]store.PictureID, error) {
	var last int64
	if err := s.read.QueryRowContext(ctx, "SELECT coalesce(max(id), 0) FROM pictures").Scan(&last); err != nil {
		return nil, explain(err)
	}
	all := make([]store.PictureID, last+1)
	rows, err := s.read.QueryContext(ctx, "SELECT id, sha256 FROM pictures NOT INDEXED WHERE orphaned_at IS NULL AND id <= ?", last)
	if err != nil {
		return nil, explain(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var sha sql.RawBytes
		if err := rows.Scan(&id, &sha); err != nil {
			return nil, explain(err)
		}
		if all[id], err = column.PictureID(sha); err != nil {
			return nil, err
		}
	}
	return all, explain(rows.Err())
}
