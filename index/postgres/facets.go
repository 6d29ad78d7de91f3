package postgres

import (
	"context"

	"github.com/imgsearch/imgsearch/index/store"
)

// pictureFacets are the FROM clauses and the values of the facets that are counted by the pictures' own metadata.
var pictureFacets = map[store.Facet]struct{ from, value string }{
	store.FacetCamera: {" LEFT JOIN words w ON w.id = p.camera", "coalesce(w.text, '')"},
	store.FacetLens:   {" LEFT JOIN words w ON w.id = p.lens", "coalesce(w.text, '')"},
	store.FacetYear:   {"", "coalesce(substr(p.taken_at, 1, 4), '')"},
	store.FacetMonth:  {"", "coalesce(substr(p.taken_at, 1, 7), '')"},
	store.FacetPlace:  {"", "coalesce(p.place::text, '')"},
}

// fileFacets are those of the facets that are counted by files (f), in folders (d).
var fileFacets = map[store.Facet]struct{ from, value string }{
	store.FacetType:    {"", "f.format"},
	store.FacetRating:  {"", "coalesce(f.rating, 0)::text"},
	store.FacetKeyword: {" JOIN words w ON w.id = f.keywords CROSS JOIN LATERAL unnest(string_to_array(w.text, E'\\n')) AS one", "one"},
	store.FacetPerson:  {" JOIN words w ON w.id = f.people CROSS JOIN LATERAL unnest(string_to_array(w.text, E'\\n')) AS one", "one"},
}

// Facets counts the pictures that a filter selects by the values of a facet.
func (s *Store) Facets(ctx context.Context, f store.Filter, by store.Facet) ([]store.FacetCount, error) {
	q := &query{}
	where, err := s.selection(ctx, q, "p", f)
	if err != nil {
		return nil, err
	}
	if by.OfFiles() {
		rules, err := s.ofFiles(ctx, q, f)
		if err != nil {
			return nil, err
		}
		where += " AND " + rules
	}
	counts, err := s.facetCounts(ctx, q, where, by)
	if err != nil {
		return nil, err
	}
	if by == store.FacetKeyword || by == store.FacetPerson || by == store.FacetLabel {
		bare, err := s.without(ctx, f, by)
		if err != nil {
			return nil, err
		}
		if bare > 0 {
			counts = append(counts, store.FacetCount{Pictures: bare})
		}
	}
	store.SortFacets(by, counts)
	return counts, nil
}

func (s *Store) facetCounts(ctx context.Context, q *query, where string, by store.Facet) ([]store.FacetCount, error) {
	counted := func(scan scanFunc) (c store.FacetCount, err error) { return c, scan(&c.Value, &c.Pictures) }
	switch by {
	case store.FacetFolder:
		return collect(ctx, s.db, "SELECT r.uid, d.dir, count(DISTINCT p.id) FROM pictures p JOIN files f ON f.picture_id = p.id JOIN folders d ON d.id = f.folder_id JOIN roots r ON r.id = d.root_id WHERE "+where+" GROUP BY r.uid, d.id",
			func(scan scanFunc) (c store.FacetCount, err error) {
				var dir []byte
				err = scan((*string)(&c.Folder.Root), &dir, &c.Pictures)
				c.Folder.Dir = string(dir)
				return c, err
			}, q.args...)
	case store.FacetLabel:
		return collect(ctx, s.db, "SELECT l.name, count(*) FROM labels l JOIN picture_labels pl ON pl.label_id = l.id JOIN pictures p ON p.id = pl.picture_id WHERE "+where+" GROUP BY l.id", counted, q.args...)
	}
	if c, ok := pictureFacets[by]; ok {
		return collect(ctx, s.db, "SELECT "+c.value+", count(*) FROM pictures p"+c.from+" WHERE "+where+" GROUP BY 1", counted, q.args...)
	}
	c := fileFacets[by]
	return collect(ctx, s.db, "SELECT "+c.value+", count(DISTINCT p.id) FROM pictures p JOIN files f ON f.picture_id = p.id"+c.from+" WHERE "+where+" GROUP BY 1", counted, q.args...)
}

// without returns the number of pictures that match a filter and have no value of a facet.
func (s *Store) without(ctx context.Context, f store.Filter, by store.Facet) (int, error) {
	q := &query{}
	where, err := s.selection(ctx, q, "p", f)
	if err != nil {
		return 0, err
	}
	has := "SELECT 1 FROM picture_labels pl WHERE pl.picture_id = p.id"
	if by != store.FacetLabel {
		rules, err := s.ofFiles(ctx, q, f)
		if err != nil {
			return 0, err
		}
		column := map[store.Facet]string{store.FacetKeyword: "f.keywords", store.FacetPerson: "f.people"}[by]
		has = "SELECT 1 FROM files f WHERE f.picture_id = p.id AND " + column + " IS NOT NULL AND " + rules
	}
	n, _, err := value[int](ctx, s.db, "SELECT count(*) FROM pictures p WHERE "+where+" AND NOT EXISTS ("+has+")", q.args...)
	return n, err
}
