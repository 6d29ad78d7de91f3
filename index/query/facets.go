package query

import (
	"context"
	"strconv"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/places"
)

// Count is a value of a facet with the number of pictures.
type Count struct {
	// Value is as in store.FacetCount, or a folder's path, or a place's name; "" counts pictures without a value.
	Value    string
	Pictures int
}

// Facets counts the pictures that match a filter by the values of a facet, in the order of store.SortFacets. Folders that have no path on
// this machine are left out.
func (e *Engine) Facets(ctx context.Context, f store.Filter, by store.Facet) ([]Count, error) {
	list, err := e.store.Facets(ctx, f, by)
	if err != nil {
		return nil, err
	}
	roots, err := e.roots(ctx)
	if err != nil {
		return nil, err
	}
	if by == store.FacetPlace {
		if list, err = namedPlaces(list); err != nil {
			return nil, err
		}
	}
	counts := make([]Count, 0, len(list))
	for _, c := range list {
		if by == store.FacetFolder {
			root, ok := roots[c.Folder.Root]
			if !ok {
				continue
			}
			c.Value = c.Folder.Path(root)
		}
		counts = append(counts, Count{c.Value, c.Pictures})
	}
	return counts, nil
}

// namedPlaces returns the names of places with the sums of those that have the same one, as the filter finds them.
func namedPlaces(list []store.FacetCount) (named []store.FacetCount, err error) {
	at := make(map[string]int)
	for _, c := range list {
		if c.Value != "" {
			id, err := strconv.Atoi(c.Value)
			if err != nil {
				return nil, err
			}
			if p, ok := places.ByID(id); ok {
				c.Value = p.String()
			}
		}
		if i, ok := at[c.Value]; ok {
			named[i].Pictures += c.Pictures
			continue
		}
		at[c.Value] = len(named)
		named = append(named, c)
	}
	store.SortFacets(store.FacetPlace, named)
	return named, nil
}

// Shapes returns the shapes of the pictures that match a filter, in the order of a listing by date.
func (e *Engine) Shapes(ctx context.Context, f store.Filter) (store.Shapes, error) {
	return e.store.Shapes(ctx, f)
}

// Count returns the number of pictures that match a filter.
func (e *Engine) Count(ctx context.Context, f store.Filter) (int, error) {
	return e.store.Count(ctx, f)
}
