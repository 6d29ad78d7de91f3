package sqlite

import (
	"context"
	"database/sql"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/imgsearch/imgsearch/index/store"
)

// Facets counts the pictures that a filter selects by the values of a facet.
func (s *Store) Facets(ctx context.Context, f store.Filter, by store.Facet) ([]store.FacetCount, error) {
	if err := s.noticeChanges(ctx); err != nil {
		return nil, err
	}
	set, all, err := s.set(ctx, f)
	if err != nil {
		return nil, err
	}
	if set == nil {
		if all, err = s.countPictures(ctx); err != nil {
			return nil, err
		}
	}
	var found facetRows
	var names [][]store.FacetCount
	if by == store.FacetLabel {
		found, names, err = s.facetLabels(ctx, set)
	} else if found, err = s.facetRows(ctx, f, by, set); err == nil {
		names, err = s.facetNames(ctx, by, found)
	}
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

// facetValue is a picture with an index into facetRows.values.
type facetValue struct {
	picture int64
	value   int
}

// facetRows are pictures with their stored values.
type facetRows struct {
	rows   []facetValue
	values []string
}

// facetColumns are the columns with the facets' values, of files or pictures; NULL is no value. A folder is prefixed with its root's row id.
var facetColumns = map[store.Facet]string{
	store.FacetCamera: "p.camera", store.FacetLens: "p.lens", store.FacetYear: "substr(p.taken_at, 1, 4)", store.FacetMonth: "substr(p.taken_at, 1, 7)",
	store.FacetPerson: "f.people", store.FacetPlace: "p.place",
	store.FacetKeyword: "f.keywords", store.FacetType: "f.format", store.FacetRating: "coalesce(f.rating, 0)", store.FacetFolder: "f.root_id || '/' || f.dir",
}

// facetRows reads the values of the pictures in a set, or of all pictures if it is nil.
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
	parts, err := s.partsOf(ctx, from, w, minFacetRows)
	if err != nil {
		return facetRows{}, err
	}
	read := make([]facetRows, len(parts))
	g, ctx := errgroup.WithContext(ctx)
	for i, part := range parts {
		g.Go(func() error {
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

// minFacetRows is the number of rows that take about 10 ms, enough for another goroutine.
const minFacetRows = 20_000

// read collects the rows of a query whose pictures are in a set.
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

// join adds the rows of another part. A value may then occur twice; countFacets merges values by name.
func (l *facetRows) join(more facetRows) {
	for _, r := range more.rows {
		l.rows = append(l.rows, facetValue{r.picture, r.value + len(l.values)})
	}
	l.values = append(l.values, more.values...)
}

// facetNames translates stored values: into several keywords each, or one other value.
func (s *Store) facetNames(ctx context.Context, by store.Facet, found facetRows) ([][]store.FacetCount, error) {
	names := make([][]store.FacetCount, len(found.values))
	switch by {
	case store.FacetCamera, store.FacetLens, store.FacetKeyword, store.FacetPerson:
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

// facetWords translates row ids of words.
func (s *Store) facetWords(ctx context.Context, by store.Facet, values []string, names [][]store.FacetCount) error {
	places := make(map[string][]int, len(values)) // more than one if several parts contain the row id
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
			if by == store.FacetKeyword || by == store.FacetPerson {
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

// countFacets counts each picture once for each of its values; with is the number of pictures that have one.
func countFacets(found facetRows, names [][]store.FacetCount) (counts []store.FacetCount, with int) {
	numbers := make(map[store.FacetCount]int)
	of := make([][]int, len(names)) // the counts to which a stored value adds
	for i, list := range names {
		for _, c := range list {
			n, ok := numbers[c]
			if !ok {
				n = len(counts)
				numbers[c] = n
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
