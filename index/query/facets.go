package query

import (
	"context"

	"github.com/imgsearch/imgsearch/index/store"
)

// Count is a value of a facet, and how many pictures have it.
type Count struct {
	// Value is a name, a period, a format, a number of stars, or a folder's path; "" counts the pictures without one.
	Value    string
	Pictures int
}

// Facets counts the pictures that a filter selects by the values of a facet: periods and stars from the highest on, other values by how
// many pictures have them.
func (e *Engine) Facets(ctx context.Context, f store.Filter, by store.Facet) ([]Count, error) {
	list, err := e.store.Facets(ctx, f, by)
	if err != nil {
		return nil, err
	}
	roots, err := e.roots(ctx)
	if err != nil {
		return nil, err
	}
	counts := make([]Count, 0, len(list))
	for _, c := range list {
		if by == store.FacetFolder {
			root, ok := roots[c.Folder.Root]
			if !ok {
				continue // it has no place on this machine
			}
			c.Value = c.Folder.Path(root)
		}
		counts = append(counts, Count{c.Value, c.Pictures})
	}
	return counts, nil
}

// Count returns how many pictures a filter selects.
func (e *Engine) Count(ctx context.Context, f store.Filter) (int, error) {
	return e.store.Count(ctx, f)
}
