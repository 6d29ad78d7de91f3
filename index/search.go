package index

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/imgsearch/imgsearch/index/flat"
	"github.com/imgsearch/imgsearch/index/sqlite"
)

// Hit is a picture that a search found.
type Hit struct {
	// Score is the cosine similarity, -1 to 1.
	Score float64
	// Path is the first of the picture's files by name that is there; if none is, the first. Also are the others.
	Path string
	Also []string
	// Missing tells that none of the files is there any more.
	Missing       bool
	Width, Height int
	// TakenAt is RFC 3339 local time, or "".
	TakenAt string
}

// SearchOptions narrow a search.
type SearchOptions struct {
	Top int
	// Under keeps the pictures with a file in one of these folders, absolute; nil: all.
	Under []string
	// DropMissing leaves out pictures without a file that is there, and fills up with the next.
	DropMissing bool
	// Once tells that no other search will follow: memory counts.
	Once bool
}

// Searcher answers queries from one model's vectors: those of its file beside the index (package flat), and from the index
// those that came since. It looks again when the index has changed. One goroutine at a time may use it.
type Searcher struct {
	store *sqlite.Store
	model sqlite.Model
	watch *sqlite.Watch
	// what was found at the last look, for these folders
	loaded bool
	under  []string
	file   *flat.File // nil: none
	newest *flat.Set
	keep   func(contentID int64) bool // nil: all
	len    int
	scope  []sqlite.Under
	roots  map[int64]string
}

// NewSearcher returns a searcher. Close it.
func NewSearcher(ctx context.Context, store *sqlite.Store, model sqlite.Model) (*Searcher, error) {
	watch, err := store.Watch(ctx)
	if err != nil {
		return nil, err
	}
	return &Searcher{store: store, model: model, watch: watch}, nil
}

// Close gives back what the searcher holds.
func (s *Searcher) Close() error { return errors.Join(s.closeFile(), s.watch.Close()) }

func (s *Searcher) closeFile() error {
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	s.file = nil
	return err
}

// Len is the number of pictures that were searched last.
func (s *Searcher) Len() int { return s.len }

// Search returns the best pictures for a normalised query vector of the model's dimension, the best first, ties by path.
func (s *Searcher) Search(ctx context.Context, query []float32, o SearchOptions) ([]Hit, error) {
	if len(query) != s.model.Dim {
		return nil, fmt.Errorf("search: a query of %d dimensions in an index of %d", len(query), s.model.Dim)
	}
	if err := s.Refresh(ctx, o.Under); err != nil {
		return nil, err
	}
	if o.Once && s.file != nil {
		s.file.Forget()
	}
	scores, err := s.scores(query)
	if err != nil {
		return nil, err
	}
	for want := o.Top; ; want *= 2 {
		best := topK(scores, want)
		hits, err := s.hits(ctx, scores, best)
		if err != nil {
			return nil, err
		}
		markMissing(ctx, hits)
		if o.DropMissing {
			hits = slices.DeleteFunc(hits, func(h Hit) bool { return h.Missing })
		}
		if len(hits) >= o.Top || len(best) == len(scores) {
			return hits[:min(len(hits), o.Top)], nil
		}
	}
}

// Refresh looks what there is, of the pictures with a file in the folders (nil: all), unless it has looked and nothing has
// changed since. Search does it by itself; calling it early lets it run beside the loading of a model.
func (s *Searcher) Refresh(ctx context.Context, under []string) error {
	changed, err := s.watch.Changed(ctx)
	if err != nil {
		return err
	}
	if s.loaded && !changed && slices.Equal(under, s.under) {
		return nil
	}
	roots, err := s.store.Roots(ctx)
	if err != nil {
		return err
	}
	s.roots = make(map[int64]string, len(roots))
	for _, r := range roots {
		s.roots[r.ID] = r.Path
	}
	s.scope = scope(roots, under)
	if err := s.readVectors(ctx); err != nil {
		return fmt.Errorf("read vectors: %w", err)
	}
	if err := s.restrict(ctx); err != nil {
		return err
	}
	s.loaded, s.under = true, slices.Clone(under)
	return nil
}

// readVectors maps the model's file, if it is that of the index as it is, and reads what came since.
func (s *Searcher) readVectors(ctx context.Context) error {
	if err := s.closeFile(); err != nil {
		return err
	}
	noted, ok, err := s.store.FlatFile(ctx, s.model.ID)
	if err != nil {
		return err
	}
	var after int64
	if ok && !s.store.OnNetwork() {
		s.file, err = flat.Open(flatPath(s.store, s.model), s.model.Dim, flat.Stamp(noted))
		if err == nil { // else the index has all of it
			after = noted.Seq
		}
	}
	s.newest = flat.NewSet(s.model.Dim)
	return s.store.VectorsAfter(ctx, s.model.ID, after, func(_, id int64, vector []byte) error {
		if err := s.newest.Add(id, vector); err != nil {
			return fmt.Errorf("%w: %w", sqlite.ErrDamaged, err)
		}
		return nil
	})
}

// restrict makes the bitmap of the contents under the folders, and counts.
func (s *Searcher) restrict(ctx context.Context) (err error) {
	if s.scope == nil {
		s.keep = nil
		s.len, _, err = s.store.Coverage(ctx, s.model.ID)
		return err
	}
	ids, err := s.store.ContentsUnder(ctx, s.scope)
	if err != nil {
		return err
	}
	var bitmap []uint64
	for _, id := range ids {
		for int(id>>6) >= len(bitmap) {
			bitmap = append(bitmap, make([]uint64, len(bitmap)+1)...)
		}
		bitmap[id>>6] |= 1 << (id & 63)
	}
	s.keep = func(id int64) bool { return id>>6 < int64(len(bitmap)) && bitmap[id>>6]>>(id&63)&1 != 0 }
	s.len = 0
	count := func(_ int, id int64) {
		if s.keep(id) {
			s.len++
		}
	}
	if s.file != nil {
		if err := s.file.IDs(count); err != nil {
			return err
		}
	}
	return s.newest.IDs(count)
}

// scope turns absolute folders into folders of roots.
func scope(roots []sqlite.Root, under []string) []sqlite.Under {
	if under == nil {
		return nil
	}
	list := []sqlite.Under{}
	for _, dir := range under {
		for _, r := range roots {
			// A root that is a link is known by both its names.
			paths := []string{r.Path}
			if target, err := filepath.EvalSymlinks(r.Path); err == nil && target != r.Path {
				paths = append(paths, target)
			}
			for _, path := range paths {
				if rel, inside := relative(path, dir); inside {
					list = append(list, sqlite.Under{RootID: r.ID, Dir: rel})
				} else if _, inside := relative(dir, path); inside {
					list = append(list, sqlite.Under{RootID: r.ID})
				}
			}
		}
	}
	return list
}

// outside is the score of a row that is not under the folders.
var outside = float32(math.Inf(-1))

// scores are those of the file's rows and of the newest, in this order.
func (s *Searcher) scores(query []float32) ([]float32, error) {
	n := 0
	if s.file != nil {
		n = s.file.Len()
	}
	scores := make([]float32, n+s.newest.Len())
	if n > 0 {
		if err := s.file.Scan(query, scores[:n], s.keep, outside); err != nil {
			return nil, err
		}
	}
	return scores, s.newest.Scan(query, scores[n:], s.keep, outside)
}

// contentAt is the content of a row, in the order of scores.
func (s *Searcher) contentAt(row int) (int64, error) {
	if s.file != nil {
		if row < s.file.Len() {
			return s.file.ID(row)
		}
		row -= s.file.Len()
	}
	return s.newest.ID(row)
}

// topK returns the indexes of the k best scores and of all that tie with the last of them, in no order.
func topK(scores []float32, k int) []int {
	h := minHeap{}
	for _, v := range scores {
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

// hits looks up what the best contents are and sorts them.
func (s *Searcher) hits(ctx context.Context, scores []float32, best []int) ([]Hit, error) {
	hits := make([]Hit, 0, len(best))
	seen := make(map[int64]bool, len(best))
	for _, i := range slices.Backward(best) {
		id, err := s.contentAt(i)
		if err != nil {
			return nil, err
		}
		if scores[i] == outside || seen[id] { // a vector that was made again has two rows, of which the last counts
			continue
		}
		seen[id] = true
		row, err := s.store.Hit(ctx, id, s.scope)
		if err != nil {
			return nil, err
		}
		var paths []string
		for _, p := range row.Places {
			if root, ok := s.roots[p.RootID]; ok {
				paths = append(paths, filepath.Join(root, filepath.FromSlash(p.Dir), p.Name))
			}
		}
		if len(paths) == 0 {
			continue // its files went while we searched
		}
		slices.Sort(paths)
		hits = append(hits, Hit{
			Score: float64(scores[i]), Path: paths[0], Also: paths[1:], Width: row.Width, Height: row.Height, TakenAt: row.TakenAt,
		})
	}
	slices.SortFunc(hits, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Path, b.Path))
	})
	return hits, nil
}

// missingLimit bounds the check whether files are there: a network disk that does not answer delays nobody. A file
// that it does not get to counts as there.
const missingLimit = 500 * time.Millisecond

// markMissing checks the hits' files. A hit whose first file is gone is shown by the next one that is there; of the
// others only those that are there are kept, unless all are gone.
func markMissing(ctx context.Context, hits []Hit) {
	ctx, cancel := context.WithTimeout(ctx, missingLimit)
	defer cancel()
	type answer struct {
		hit, path int
		gone      bool
	}
	total := 0
	answers := make(chan answer, 64)
	gone := make([][]bool, len(hits))
	for i, h := range hits {
		gone[i] = make([]bool, 1+len(h.Also))
		total += len(gone[i])
	}
	// The checks may outlive us on a disk that hangs; they hold copies of the paths only.
	go func() {
		slots := make(chan struct{}, 16)
		for i, h := range slices.Clone(hits) {
			for j, path := range append([]string{h.Path}, h.Also...) {
				select {
				case slots <- struct{}{}:
				case <-ctx.Done():
					return
				}
				go func() {
					defer func() { <-slots }()
					_, err := os.Lstat(path)
					select {
					case answers <- answer{i, j, errors.Is(err, fs.ErrNotExist)}:
					case <-ctx.Done():
					}
				}()
			}
		}
	}()
	for range total {
		select {
		case a := <-answers:
			gone[a.hit][a.path] = a.gone
		case <-ctx.Done():
			total = 0
		}
		if total == 0 {
			break
		}
	}
	for i := range hits {
		hits[i].keepPresent(gone[i])
	}
}

func (h *Hit) keepPresent(gone []bool) {
	if !slices.Contains(gone, true) {
		return
	}
	var present []string
	for j, path := range append([]string{h.Path}, h.Also...) {
		if !gone[j] {
			present = append(present, path)
		}
	}
	if len(present) == 0 {
		h.Missing = true
		return
	}
	h.Path, h.Also = present[0], present[1:]
}
