package query

import (
	"context"
	"slices"

	"github.com/imgsearch/imgsearch/index/store"
)

// Picture is everything the index knows about a picture.
type Picture struct {
	store.Record
	// Paths are the paths of the record's files, in their order; "" if the root has no path on this machine. Missing reports which files
	// do not exist.
	Paths   []string
	Missing []bool
	// Models are those with a vector of it. Preview reports whether the index has a preview.
	Models  []store.Model
	Preview bool
}

// Picture returns everything the index knows about a picture; nil if it is not in the index or has no file left.
func (e *Engine) Picture(ctx context.Context, id store.PictureID) (*Picture, error) {
	ids := []store.PictureID{id}
	records, err := e.store.Hits(ctx, ids, store.Filter{})
	if err != nil || len(records) == 0 {
		return nil, err
	}
	p := &Picture{Record: records[0]}
	TwinsLast(p.Files)
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
	}
	previews, err := e.store.Previews(ctx, ids)
	if err != nil {
		return nil, err
	}
	p.Preview = previews[id] != nil
	texts, err := e.store.Texts(ctx, ids)
	if err != nil {
		return nil, err
	}
	p.Text = texts[id]
	labels, err := e.store.Labels(ctx, ids)
	if err != nil {
		return nil, err
	}
	p.Labels = labels[id]
	return p, nil
}

// TwinsLast puts the files that are twins of a JPEG after the others, and otherwise keeps the order.
func TwinsLast(files []store.FileRecord) {
	slices.SortStableFunc(files, func(a, b store.FileRecord) int {
		switch {
		case a.IsTwin == b.IsTwin:
			return 0
		case a.IsTwin:
			return 1
		}
		return -1
	})
}
