package query

import (
	"context"
	"slices"

	"github.com/imgsearch/imgsearch/index/store"
)

// Picture is all that the index knows of a picture.
type Picture struct {
	store.Record
	// Paths are where the record's files lie on this machine, in their order; "" of one whose root has no place here. Missing reports
	// which of them are gone.
	Paths   []string
	Missing []bool
	// Models are those that have a vector of it, Preview reports whether the index keeps a small picture of it.
	Models  []store.Model
	Preview bool
}

// Picture returns all that is known of a picture; nil of one that the index does not know, or of which no file is left.
func (e *Engine) Picture(ctx context.Context, id store.PictureID) (*Picture, error) {
	ids := []store.PictureID{id}
	records, err := e.store.Hits(ctx, ids, store.Filter{})
	if err != nil || len(records) == 0 {
		return nil, err
	}
	p := &Picture{Record: records[0]}
	slices.SortStableFunc(p.Files, func(a, b store.FileRecord) int { // the picture's own before its twins
		switch {
		case a.IsTwin == b.IsTwin:
			return 0
		case a.IsTwin:
			return 1
		}
		return -1
	})
	roots, err := e.roots(ctx)
	if err != nil {
		return nil, err
	}
	for _, f := range p.Files {
		path := ""
		if root, ok := roots[f.Root]; ok {
			path = f.Path(root)
		}
		p.Paths = append(p.Paths, path)
	}
	p.Missing = goneFiles(ctx, [][]string{p.Paths})[0]
	models, err := e.store.Models(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range models {
		known, err := e.store.Pictures(ctx, m.Identity, ids)
		if err != nil {
			return nil, err
		}
		if known[id].Embedded {
			p.Models = append(p.Models, m)
		}
		p.Preview = p.Preview || known[id].Preview
	}
	if len(models) == 0 {
		previews, err := e.store.Previews(ctx, ids)
		if err != nil {
			return nil, err
		}
		p.Preview = previews[id] != nil
	}
	return p, nil
}
