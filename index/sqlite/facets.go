package sqlite

import (
	"context"
	"database/sql"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/imgsearch/imgsearch/index/store"
)

// Facets counts the pictures that a filter selects by the values of a facet.
func (s *Store) Facets(ctx context.Context, f store.Filter, by store.Facet) ([]store.FacetCount, error) {
	set, all, err := s.set(ctx, f)
	if err != nil {
		return nil, err
	}
	if set == nil {
		if all, err = s.countPictures(ctx); err != nil {
			return nil, err
		}
	}
	found, err := s.facetRows(ctx, f, by, set)
	if err != nil {
		return nil, err
	}
	names, err := s.facetNames(ctx, by, found)
	if err != nil {
		return nil, err
	}
	counts, with := countFacets(found, names)
	if by != store.FacetFolder && all > with {
		counts = append(counts, store.FacetCount{Pictures: all - with})
	}
	store.SortFacets(by, counts)
	return counts, nil
}

// facetValue is a picture's value, as its number in facetRows.values.
type facetValue struct {
	picture int64
	value   int
}

// facetRows are the values of pictures, as they are stored.
type facetRows struct {
	rows   []facetValue
	values []string
}

// facetColumns are what is read for the facets, of files or of pictures; NULL: no value. The root's number stands before the folder.
var facetColumns = map[store.Facet]string{
	store.FacetCamera: "p.camera", store.FacetLens: "p.lens", store.FacetYear: "substr(p.taken_at, 1, 4)", store.FacetMonth: "substr(p.taken_at, 1, 7)",
	store.FacetKeyword: "f.keywords", store.FacetType: "f.format", store.FacetRating: "coalesce(f.rating, 0)", store.FacetFolder: "f.root_id || '/' || f.dir",
}

// facetRows reads the values of the pictures in a set; nil: of all.
func (s *Store) facetRows(ctx context.Context, f store.Filter, by store.Facet, set bitmap) (facetRows, error) {
	var w where
	from := scanned{"pictures", "p NOT INDEXED", "p.id", "p.id", true}
	if by.OfFiles() {
		from = scanned{"files", "f NOT INDEXED", "f.id", "f.picture_id", true}
		w.ofFiles(f)
	} else {
		w.add("p.orphaned_at IS NULL")
	}
	column := facetColumns[by]
	w.add(column + " IS NOT NULL")
	var last int64
	if err := s.read.QueryRowContext(ctx, "SELECT coalesce(max(id), 0) FROM "+from.table).Scan(&last); err != nil {
		return facetRows{}, explain(err)
	}
	parts := int64(1)
	if !s.memory {
		parts = min(int64(runtime.GOMAXPROCS(0)), 1+last/minFacetRows)
	}
	read := make([]facetRows, parts)
	g, ctx := errgroup.WithContext(ctx)
	for i := range parts {
		g.Go(func() error {
			part := where{slices.Clone(w.parts), slices.Clone(w.args)}
			if i > 0 {
				part.add(from.key+" > ?", last*i/parts)
			}
			if i < parts-1 { // what comes meanwhile belongs to the last part
				part.add(from.key+" <= ?", last*(i+1)/parts)
			}
			query := "SELECT " + from.picture + ", " + column + " FROM " + from.table + " " + from.alias + " WHERE " + part.sql()
			return read[i].read(ctx, s.read, set, query, part.args...)
		})
	}
	if err := g.Wait(); err != nil {
		return facetRows{}, err
	}
	for _, more := range read[1:] {
		read[0].join(more)
	}
	return read[0], nil
}

// minFacetRows is how many rows are worth another goroutine: some 10 ms of work.
const minFacetRows = 20_000

// read collects what a query answers for the pictures in a set.
func (l *facetRows) read(ctx context.Context, q querier, set bitmap, query string, args ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return explain(err)
	}
	defer rows.Close()
	numbers := make(map[string]int)
	var picture int64
	var raw sql.RawBytes
	for rows.Next() {
		if err := rows.Scan(&picture, &raw); err != nil {
			return explain(err)
		}
		if set != nil && !set.has(picture) {
			continue
		}
		number, ok := numbers[string(raw)]
		if !ok {
			number = len(l.values)
			l.values = append(l.values, string(raw))
			numbers[l.values[number]] = number
		}
		l.rows = append(l.rows, facetValue{picture, number})
	}
	return explain(rows.Err())
}

// join adds what another part read. Values that both have stand twice, and have one name.
func (l *facetRows) join(more facetRows) {
	for _, r := range more.rows {
		l.rows = append(l.rows, facetValue{r.picture, r.value + len(l.values)})
	}
	l.values = append(l.values, more.values...)
}

// facetNames are what the stored values mean: several names each, of keywords, and of others one.
func (s *Store) facetNames(ctx context.Context, by store.Facet, found facetRows) ([][]store.FacetCount, error) {
	names := make([][]store.FacetCount, len(found.values))
	switch by {
	case store.FacetCamera, store.FacetLens, store.FacetKeyword:
		return names, s.facetWords(ctx, by, found.values, names)
	case store.FacetFolder:
		for i, v := range found.values {
			number, dir, _ := strings.Cut(v, "/")
			id, err := strconv.ParseInt(number, 10, 64)
			if err != nil {
				return nil, err
			}
			root, err := s.rootName(ctx, s.read, id)
			if err != nil {
				return nil, err
			}
			names[i] = []store.FacetCount{{Folder: store.Folder{Root: root, Dir: dir}}}
		}
	default:
		for i, v := range found.values {
			names[i] = []store.FacetCount{{Value: v}}
		}
	}
	return names, nil
}

// facetWords looks up what numbers of words mean.
func (s *Store) facetWords(ctx context.Context, by store.Facet, values []string, names [][]store.FacetCount) error {
	places := make(map[string][]int, len(values)) // the same number may have been read in several parts
	var ids []int64
	for i, v := range values {
		if places[v] == nil {
			id, err := strconv.ParseInt(v, 10, 64)
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		places[v] = append(places[v], i)
	}
	return inChunks(ids, func(chunk []int64) error {
		_, err := collect(ctx, s.read, "SELECT id, text FROM words WHERE id IN "+marks(len(chunk)), func(scan scanFunc) (struct{}, error) {
			var id, text string
			if err := scan(&id, &text); err != nil {
				return struct{}{}, err
			}
			texts := []string{text}
			if by == store.FacetKeyword {
				texts = strings.Split(text, "\n")
			}
			for _, place := range places[id] {
				for _, t := range texts {
					names[place] = append(names[place], store.FacetCount{Value: t})
				}
			}
			return struct{}{}, nil
		}, numbers(chunk)...)
		return explain(err)
	})
}

// countFacets counts each picture once for each of its values; with is how many pictures have one.
func countFacets(found facetRows, names [][]store.FacetCount) (counts []store.FacetCount, with int) {
	type key struct {
		value  string
		folder store.Folder
	}
	numbers := make(map[key]int)
	of := make([][]int, len(names)) // the counts to which a stored value adds
	for i, list := range names {
		for _, c := range list {
			k := key{c.Value, c.Folder}
			n, ok := numbers[k]
			if !ok {
				n = len(counts)
				numbers[k] = n
				counts = append(counts, c)
			}
			of[i] = append(of[i], n)
		}
	}
	pairs := make([]facetValue, 0, len(found.rows))
	for _, r := range found.rows {
		for _, n := range of[r.value] {
			pairs = append(pairs, facetValue{r.picture, n})
		}
	}
	slices.SortFunc(pairs, func(a, b facetValue) int {
		if a.picture != b.picture {
			return int(a.picture - b.picture)
		}
		return a.value - b.value
	})
	for i, p := range pairs {
		if i == 0 || p.picture != pairs[i-1].picture {
			with++
		}
		if i == 0 || p != pairs[i-1] {
			counts[p.value].Pictures++
		}
	}
	return counts, with
}
