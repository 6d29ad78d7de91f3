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
	// ContentID is the picture's number in the index.
	ContentID int64
	// Score is the cosine similarity, -1 to 1.
	Score float64
	// Path is the first of the picture's files by name that is there; if none is, the first. Also are the others.
	Path string
	Also []string
	// Twins are those of these files that stand behind their JPEG twin: the camera's raw file of the same exposure.
	Twins []string
	// Missing tells that none of the files is there any more.
	Missing       bool
	Width, Height int
	// TakenAt is RFC 3339 local time, or "".
	TakenAt string
	// Vector is the picture's, where the index does not have it.
	Vector []float32
	// Relative is the score's place between the mean of all pictures that were searched, 0, and the best one's, 1.
	Relative float64
}

// Filter narrows what is searched. Its zero value does not.
type Filter struct {
	// Under keeps the pictures with a file in one of these folders, absolute; nil: all.
	Under []string
	// Query is the rest, its Under left out.
	Query sqlite.Filter
	// Paths keeps these contents, and shows them by these files; nil: all, by theirs.
	Paths map[int64][]string
}

// IsAll tells that everything is searched.
func (f Filter) IsAll() bool { return f.Under == nil && f.Paths == nil && f.Query.IsAll() }

// SearchOptions narrow a search.
type SearchOptions struct {
	Top int
	// Offset is how many of the best are left out.
	Offset int
	// Exclude leaves these contents out.
	Exclude map[int64]bool
	// MinScore leaves out what scores less; nil: nothing.
	MinScore *float64
	// DropMissing leaves out pictures without a file that is there, and fills up with the next.
	DropMissing bool
	// Once tells that no other search will follow: memory counts.
	Once bool
}

// Searcher answers queries from one model's vectors, of the pictures that a filter selects: those of its file beside the index
// (package flat), and from the index those that came since. It looks again when the index has changed. One goroutine at a time
// may use it.
type Searcher struct {
	store  *sqlite.Store
	model  sqlite.Model
	filter Filter
	watch  *sqlite.Watch
	// what was found at the last look
	loaded bool
	file   *flat.File // nil: none
	newest *flat.Set
	keep   func(contentID int64) bool // nil: all
	len    int
	mean   float64
	scope  []sqlite.Under
	lookup *sqlite.Hits
	roots  map[int64]string
}

// NewSearcher returns a searcher. Close it.
func NewSearcher(ctx context.Context, store *sqlite.Store, model sqlite.Model, filter Filter) (*Searcher, error) {
	watch, err := store.Watch(ctx)
	if err != nil {
		return nil, err
	}
	return &Searcher{store: store, model: model, filter: filter, watch: watch}, nil
}

// Close gives back what the searcher holds.
func (s *Searcher) Close() error { return errors.Join(s.closeFile(), s.closeLookup(), s.watch.Close()) }

func (s *Searcher) closeLookup() error {
	if s.lookup == nil {
		return nil
	}
	err := s.lookup.Close()
	s.lookup = nil
	return err
}

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
	if err := s.Refresh(ctx); err != nil {
		return nil, err
	}
	if o.Once && s.file != nil {
		s.file.Forget()
	}
	scores, err := s.scores(query)
	if err != nil {
		return nil, err
	}
	s.mean = meanScore(scores)
	last := o.Offset + o.Top
	for want := last + len(o.Exclude); ; want *= 2 {
		best := topK(scores, want)
		hits, err := s.hits(ctx, scores, best)
		if err != nil {
			return nil, err
		}
		hits = slices.DeleteFunc(hits, func(h Hit) bool { return o.Exclude[h.ContentID] || o.MinScore != nil && h.Score < *o.MinScore })
		Rate(hits, s.mean)
		if o.DropMissing {
			markMissing(ctx, hits)
			hits = slices.DeleteFunc(hits, func(h Hit) bool { return h.Missing })
		}
		if len(hits) < last && len(best) >= want && len(best) < len(scores) && !(o.MinScore != nil && worstOf(scores, best) < *o.MinScore) {
			continue
		}
		hits = hits[min(o.Offset, len(hits)):min(len(hits), last)]
		if !o.DropMissing {
			markMissing(ctx, hits)
		}
		return hits, nil
	}
}

// meanScore is the mean over the rows that were searched.
func meanScore(scores []float32) float64 {
	sum, n := 0.0, 0
	for _, x := range scores {
		if x != outside {
			sum += float64(x)
			n++
		}
	}
	return sum / max(float64(n), 1)
}

// Mean is the mean score of the pictures that were searched last.
func (s *Searcher) Mean() float64 { return s.mean }

// Rate sets the relative scores of hits, of which the first is the best, among pictures of a mean score.
func Rate(hits []Hit, mean float64) {
	for i := range hits {
		if span := hits[0].Score - mean; span > 0 {
			hits[i].Relative = (hits[i].Score - mean) / span
		} else {
			hits[i].Relative = 1
		}
	}
}

func worstOf(scores []float32, rows []int) float64 {
	worst := math.Inf(1)
	for _, i := range rows {
		worst = min(worst, float64(scores[i]))
	}
	return worst
}

// Count is the number of pictures that the filter selects.
func (s *Searcher) Count(ctx context.Context) (int, error) {
	ids, err := s.selected(ctx)
	return len(ids), err
}

// List returns the pictures that a filter selects, without a query: by time taken, the newest first, or by path.
func (s *Searcher) List(ctx context.Context, o SearchOptions, byPath bool) ([]Hit, error) {
	if err := s.look(ctx); err != nil {
		return nil, err
	}
	var hits []Hit
	var failed error
	skip, offset := 0, o.Offset
	if !o.DropMissing { // what is not shown need not be looked up
		skip, offset = o.Offset, 0
	}
	enough, checked := offset+o.Top, 0 // how many are known to be there
	order := s.byTime
	if byPath {
		order = s.byPath
	}
	err := order(ctx, skip+enough, func(id int64) bool {
		if o.Exclude[id] || !s.lists(id) {
			return true
		}
		if skip > 0 {
			skip--
			return true
		}
		h, ok, err := s.hit(ctx, id)
		if err != nil {
			failed = err
			return false
		}
		if ok {
			hits = append(hits, h)
		}
		if len(hits) < enough {
			return true
		}
		if !o.DropMissing {
			return false
		}
		if len(hits) < checked+dropBlock {
			return true
		}
		hits = append(hits[:checked:checked], present(ctx, hits[checked:])...)
		checked = len(hits)
		return len(hits) < enough
	})
	if err := errors.Join(err, failed); err != nil {
		return nil, err
	}
	if o.DropMissing {
		hits = present(ctx, hits)
	}
	hits = hits[min(offset, len(hits)):min(offset+o.Top, len(hits))]
	if !o.DropMissing {
		markMissing(ctx, hits)
	}
	return hits, nil
}

// dropBlock is how many hits are looked up at once to see whether they are there.
const dropBlock = 64

// present are the hits with a file that is there.
func present(ctx context.Context, hits []Hit) []Hit {
	markMissing(ctx, hits)
	return slices.DeleteFunc(hits, func(h Hit) bool { return h.Missing })
}

// byTime calls each with the contents that the filter selects, the newest first; first is how many it will probably want.
func (s *Searcher) byTime(ctx context.Context, first int, each func(id int64) bool) error {
	return s.store.Newest(ctx, s.query(), first, each)
}

// byPath calls each with the contents that the filter selects, by the path that shows them.
func (s *Searcher) byPath(ctx context.Context, _ int, each func(id int64) bool) error {
	type content struct {
		id    int64
		shown shownFile
	}
	var list []content
	err := s.store.MatchingFiles(ctx, s.query(), func(id int64, f sqlite.HitFile) {
		one := content{id, shownFile{s.pathOf(f.Place), f.IsTwin}}
		switch last := len(list) - 1; {
		case one.shown.path == "":
		case last < 0 || list[last].id != id:
			list = append(list, one)
		case one.shown.compare(list[last].shown) < 0:
			list[last] = one
		}
	})
	if err != nil {
		return err
	}
	for i := range list {
		if paths := s.filter.Paths[list[i].id]; len(paths) > 0 {
			list[i].shown.path = slices.Min(paths)
		}
	}
	slices.SortFunc(list, func(a, b content) int { return cmp.Compare(a.shown.path, b.shown.path) })
	for _, one := range list {
		if !each(one.id) {
			return nil
		}
	}
	return nil
}

// shownFile is a file by which a content may be shown.
type shownFile struct {
	path   string
	isTwin bool
}

// compare is negative where a content is shown by f rather than by g: by its JPEG rather than by the twin behind it, then by path.
func (f shownFile) compare(g shownFile) int {
	if f.isTwin != g.isTwin {
		if f.isTwin {
			return 1
		}
		return -1
	}
	return cmp.Compare(f.path, g.path)
}

// pathOf is where a file is; "" where its root is none that is searched.
func (s *Searcher) pathOf(at sqlite.Place) string {
	root, ok := s.roots[at.RootID]
	if !ok {
		return ""
	}
	return filepath.Join(root, filepath.FromSlash(at.Dir), at.Name)
}

// query is the filter as the store takes it.
func (s *Searcher) query() sqlite.Filter {
	q := s.filter.Query
	q.Under = s.scope
	return q
}

// Refresh looks what there is, of the pictures that the filter selects, unless it has looked and nothing has changed since.
// Search does it by itself; calling it early lets it run beside the loading of a model.
func (s *Searcher) Refresh(ctx context.Context) error {
	changed, err := s.watch.Changed(ctx)
	if err != nil {
		return err
	}
	if s.loaded && !changed {
		return nil
	}
	if err := s.look(ctx); err != nil {
		return err
	}
	if err := s.readVectors(ctx); err != nil {
		return fmt.Errorf("read vectors: %w", err)
	}
	if err := s.restrict(ctx); err != nil {
		return err
	}
	s.loaded = true
	return nil
}

// look looks where the folders are.
func (s *Searcher) look(ctx context.Context) error {
	roots, err := s.store.Roots(ctx)
	if err != nil {
		return err
	}
	s.roots = make(map[int64]string, len(roots))
	for _, r := range roots {
		s.roots[r.ID] = r.Path
	}
	s.scope = scope(roots, s.filter.Under)
	if err := s.closeLookup(); err != nil {
		return err
	}
	s.lookup, err = s.store.Hits(ctx, s.query())
	return err
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

// restrict decides which contents are searched, and counts them.
func (s *Searcher) restrict(ctx context.Context) (err error) {
	if s.keep, err = s.selection(ctx); err != nil {
		return err
	}
	if s.keep == nil {
		s.len, _, err = s.store.Coverage(ctx, s.model.ID)
		return err
	}
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

// selection tells whether the filter selects a content, by a bitmap; nil: it selects all.
func (s *Searcher) selection(ctx context.Context) (func(contentID int64) bool, error) {
	if s.filter.IsAll() {
		return nil, nil //nolint:nilnil // as Searcher.keep
	}
	ids, err := s.selected(ctx)
	if err != nil {
		return nil, err
	}
	var bitmap []uint64
	for _, id := range ids {
		for int(id>>6) >= len(bitmap) {
			bitmap = append(bitmap, make([]uint64, len(bitmap)+1)...)
		}
		bitmap[id>>6] |= 1 << (id & 63)
	}
	return func(id int64) bool { return id>>6 < int64(len(bitmap)) && bitmap[id>>6]>>(id&63)&1 != 0 }, nil
}

// vectors copies the vectors of what the filter selects, of each content the last one, in the order in which they were made.
func (s *Searcher) vectors(ctx context.Context) (ids []int64, list rows, err error) {
	list.dim = s.model.Dim
	if err := s.look(ctx); err != nil {
		return nil, list, err
	}
	keep, err := s.selection(ctx)
	if err != nil {
		return nil, list, err
	}
	if err := s.readVectors(ctx); err != nil {
		return nil, list, fmt.Errorf("read vectors: %w", err)
	}
	at := make(map[int64]int)
	add := func(id int64, vector []byte) {
		if keep != nil && !keep(id) {
			return
		}
		if i, again := at[id]; again {
			copy(list.row(i), vector)
			return
		}
		at[id] = len(ids)
		ids = append(ids, id)
		list.data = append(list.data, vector...)
	}
	if s.file != nil {
		list.data = make([]byte, 0, 2*s.model.Dim*(s.file.Len()+s.newest.Len()))
		if err := s.file.Vectors(add); err != nil {
			return nil, list, err
		}
	}
	return ids, list, s.newest.Vectors(add)
}

// lists tells whether a content is among the filter's paths.
func (s *Searcher) lists(id int64) bool {
	if s.filter.Paths == nil {
		return true
	}
	_, ok := s.filter.Paths[id]
	return ok
}

// selected are the contents that the filter selects.
func (s *Searcher) selected(ctx context.Context) ([]int64, error) {
	query := s.query()
	var ids []int64
	switch {
	case query.IsAll():
		for id := range s.filter.Paths {
			ids = append(ids, id)
		}
		return ids, nil
	case s.filter.Query.IsAll() && s.filter.Paths == nil:
		return s.store.ContentsUnder(ctx, s.scope)
	}
	matches, err := s.store.Matching(ctx, query)
	for _, id := range matches {
		if s.lists(id) {
			ids = append(ids, id)
		}
	}
	return ids, err
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
		h, ok, err := s.hit(ctx, id)
		if err != nil {
			return nil, err
		}
		if ok {
			h.Score = float64(scores[i])
			hits = append(hits, h)
		}
	}
	slices.SortFunc(hits, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Path, b.Path))
	})
	return hits, nil
}

// hit looks up what a content is; ok is false where its files went while we searched. Of its files those are told that the
// filter's folders and names select.
func (s *Searcher) hit(ctx context.Context, id int64) (h Hit, ok bool, err error) {
	row, err := s.lookup.Hit(ctx, id)
	if err != nil {
		return h, false, err
	}
	var files []shownFile
	for _, path := range s.filter.Paths[id] {
		files = append(files, shownFile{path: path})
	}
	for _, f := range row.Files {
		path := s.pathOf(f.Place)
		if s.filter.Paths != nil || path == "" {
			continue
		}
		if files = append(files, shownFile{path, f.IsTwin}); f.IsTwin {
			h.Twins = append(h.Twins, path)
		}
	}
	if len(files) == 0 {
		return h, false, nil
	}
	slices.SortFunc(files, shownFile.compare)
	h.ContentID, h.Path, h.Also, h.Width, h.Height, h.TakenAt = id, files[0].path, make([]string, 0, len(files)-1), row.Width, row.Height, row.TakenAt
	for _, f := range files[1:] {
		h.Also = append(h.Also, f.path)
	}
	return h, true, nil
}

// Copies is how many other files hold the same picture, twins left out.
func (h Hit) Copies() int {
	n := 0
	for _, path := range h.Also {
		if !slices.Contains(h.Twins, path) {
			n++
		}
	}
	return n
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
	h.Twins = slices.DeleteFunc(slices.Clone(h.Twins), func(path string) bool { return !slices.Contains(present, path) })
}
