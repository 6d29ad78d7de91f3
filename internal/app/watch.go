package app

import (
	"context"
	"errors"
	"path/filepath"
	"slices"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/disk"
	"github.com/imgsearch/imgsearch/internal/watch"
	"github.com/imgsearch/imgsearch/scan"
)

// Watching says which folders to watch for changes.
type Watching struct {
	// Paths are absolute; none: all roots of the index, as it is at the time.
	Paths []string
	// Exclude and OneFileSystem are as in index.Request.
	Exclude       []string
	OneFileSystem bool
}

// Watch calls changed with the folders below which something has changed, none of them below another, until ctx ends; first with all folders. It stops at
// the first error of changed. Folders that are gone are given as the nearest ones that exist; nil means all roots.
func (a *App) Watch(ctx context.Context, w Watching, changed func(ctx context.Context, dirs []string) error) error {
	at, err := a.Index()
	if err != nil {
		return err
	}
	own := at.OwnFiles()
	var roots []string // as last read; only the watch's goroutine uses them
	options := watch.Defaults()
	options.Blind = func(b watch.Blind) { a.Notify(b) }
	options.EventsAt = func(dir string) bool { return !disk.OnNetwork(dir) }
	options.Ignores = func(path string) bool { return scan.Unconcerned(filepath.Base(path)) || own.Has(path) }
	options.Walk = func(ctx context.Context, dir string, visit func(string, int)) error {
		return w.walk(ctx, roots, dir, visit)
	}
	options.Roots = func(ctx context.Context) (_ []string, err error) {
		if roots = w.Paths; len(w.Paths) == 0 {
			roots, err = a.walkedRoots(ctx)
		}
		return roots, err
	}
	first := true
	return watch.Run(ctx, options, func(ctx context.Context, dirs []string) error {
		if first {
			first = false
			return changed(ctx, w.Paths)
		}
		known, err := a.walkedRoots(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the watch ends
		}
		if err != nil {
			return err
		}
		there := make([]string, len(dirs))
		for i, dir := range dirs {
			there[i] = disk.Nearest(dir)
		}
		return changed(ctx, insideRoots(there, known))
	})
}

// walk walks a folder as part of its root, since patterns and ignore files apply from the root on.
func (w Watching) walk(ctx context.Context, roots []string, dir string, visit func(string, int)) error {
	root, start := dir, ""
	for _, r := range roots {
		if rel, inside := store.Relative(r, dir); inside {
			root, start = r, rel
			break
		}
	}
	return scan.Walk(ctx, root, start, scan.Options{Exclude: w.Exclude, OneFileSystem: w.OneFileSystem}, func(f scan.Folder) error {
		visit(store.Folder{Dir: f.Rel}.Path(root), len(f.Files)+len(f.Skipped))
		return nil
	})
}

// insideRoots returns dirs, or nil, which means all roots, if one of them is outside roots because its root is gone.
func insideRoots(dirs, roots []string) []string {
	for _, dir := range dirs {
		if !slices.ContainsFunc(roots, func(root string) bool {
			_, inside := store.Relative(root, dir)
			return inside
		}) {
			return nil
		}
	}
	return dirs
}

// walkedRoots returns the roots that index walks, which excludes those with single files only.
func (a *App) walkedRoots(ctx context.Context) ([]string, error) {
	ix, err := a.OpenForReading(ctx)
	if errors.Is(err, store.ErrNoIndex) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer ix.Close()
	roots, err := ix.Roots(ctx)
	var list []string
	for _, r := range roots {
		if r.Walked && !r.Elsewhere {
			list = append(list, r.Path)
		}
	}
	return list, err
}
