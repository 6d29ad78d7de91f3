package query

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"github.com/imgsearch/imgsearch/index/store"
)

// Companions returns the files that belong to the file at each hit's Path, by that path: its twins, and the sidecars of all of them.
// It uses the index, regardless of the filter that found the hits, and does not check whether the files exist.
func (e *Engine) Companions(ctx context.Context, hits []Hit) (map[string][]string, error) {
	shown := make(map[store.PictureID]string, len(hits))
	ids := make([]store.PictureID, len(hits))
	for i, h := range hits {
		ids[i], shown[h.ID] = h.ID, h.Path
	}
	records, err := e.store.Hits(ctx, ids, store.Filter{})
	if err != nil {
		return nil, err
	}
	roots, err := e.roots(ctx)
	if err != nil {
		return nil, err
	}
	companions := make(map[string][]string)
	for _, r := range records {
		if list := companionsOf(r, shown[r.ID], roots); len(list) > 0 {
			companions[shown[r.ID]] = list
		}
	}
	return companions, nil
}

// companionsOf returns the companions of one of a picture's files.
func companionsOf(r store.Record, path string, roots map[store.RootID]string) (list []string) {
	main := slices.IndexFunc(r.Files, func(f store.FileRecord) bool { return f.Path(roots[f.Root]) == path })
	if main < 0 {
		return nil
	}
	of := r.Files[main]
	for i, f := range r.Files {
		behind := !of.IsTwin && f.IsTwin && f.Root == of.Root && f.Dir == of.Dir && strings.EqualFold(stem(f.Name), stem(of.Name))
		if i != main && !behind {
			continue
		}
		beside := f.Place
		if behind {
			list = append(list, f.Path(roots[f.Root]))
		}
		if beside.Name = f.Sidecar.Name; beside.Name != "" {
			list = append(list, beside.Path(roots[f.Root]))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// stem returns a file's name without its extension.
func stem(name string) string { return strings.TrimSuffix(name, filepath.Ext(name)) }
