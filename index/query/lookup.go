package query

import (
	"cmp"
	"context"
	"maps"
	"path"
	"path/filepath"
	"slices"

	"github.com/imgsearch/imgsearch/index/store"
)

// lookup looks up the hits for pictures, for one request.
type lookup struct {
	store  store.Store
	filter store.Filter
	among  *Among
	roots  map[store.RootID]string
}

// filter returns the request's filter, limited to the pictures of Among.
func (r *Request) filter() store.Filter {
	f := r.Filter
	if r.Among != nil {
		f.Pictures = slices.SortedFunc(maps.Keys(r.Among.Pictures), func(a, b store.PictureID) int { return slices.Compare(a[:], b[:]) })
		if f.Pictures == nil {
			f.Pictures = []store.PictureID{}
		}
	}
	return f
}

// roots returns the paths of the index's roots on this machine.
func (e *Engine) roots(ctx context.Context) (map[store.RootID]string, error) {
	list, err := e.store.Roots(ctx)
	paths := make(map[store.RootID]string, len(list))
	for _, r := range list {
		paths[r.ID] = r.Path
	}
	return paths, err
}

// lookup returns a lookup for the pictures that match a filter.
func (e *Engine) lookup(ctx context.Context, f store.Filter) (*lookup, error) {
	roots, err := e.roots(ctx)
	return &lookup{store: e.store, filter: f, roots: roots}, err
}

// Hits returns pictures with those of their files that meet a filter's file rules. Pictures without such a file are omitted.
func (e *Engine) Hits(ctx context.Context, ids []store.PictureID, f store.Filter) ([]Hit, error) {
	l, err := e.lookup(ctx, f)
	if err != nil {
		return nil, err
	}
	return l.hits(ctx, ids)
}

// hits returns pictures in the order of ids, each with the files that are listed in Among, or else that meet the filter's file rules.
func (l *lookup) hits(ctx context.Context, ids []store.PictureID) ([]Hit, error) {
	records, err := l.store.Hits(ctx, ids, l.filter)
	if err != nil {
		return nil, err
	}
	hits := make([]Hit, 0, len(records))
	for _, r := range records {
		var files []shownFile
		if l.among != nil {
			for _, p := range l.among.Pictures[r.ID] {
				files = append(files, shownFile{path: p})
			}
		} else {
			for _, f := range r.Files {
				if root, ok := l.roots[f.Root]; ok {
					files = append(files, shownFile{f.Path(root), f.IsTwin, f.Size})
				}
			}
		}
		if len(files) > 0 {
			hits = append(hits, newHit(r, files))
		}
	}
	return hits, nil
}

// shownFile is a file that may represent a picture.
type shownFile struct {
	path   string
	isTwin bool
	bytes  int64
}

// newHit returns a hit for a picture. Its Path is that of a JPEG rather than of its twin, then the first path.
func newHit(r store.Record, files []shownFile) Hit {
	slices.SortFunc(files, func(a, b shownFile) int {
		if a.isTwin != b.isTwin {
			if a.isTwin {
				return 1
			}
			return -1
		}
		return cmp.Compare(a.path, b.path)
	})
	h := Hit{Picture: r.Picture, Metadata: r.Metadata, Path: files[0].path, Bytes: files[0].bytes, Also: make([]string, 0, len(files)-1)}
	for i, f := range files {
		if i > 0 {
			h.Also = append(h.Also, f.path)
		}
		if f.isTwin {
			h.Twins = append(h.Twins, f.path)
		}
	}
	return h
}

// hit returns a hit for a listed picture that cannot be searched in the index.
func (o *Other) hit() Hit {
	files := make([]shownFile, len(o.Paths))
	for i, p := range o.Paths {
		files[i] = shownFile{path: p}
	}
	return newHit(o.Record, files)
}

// Copies returns the number of other files with the same picture, not counting twins.
func (h Hit) Copies() int {
	n := 0
	for _, path := range h.Also {
		if !slices.Contains(h.Twins, path) {
			n++
		}
	}
	return n
}

// Folders converts absolute paths of folders to folders of roots: a folder may be in a root, or contain several roots.
// A root that is a symbolic link matches by both of its names. Folders unrelated to any root are omitted; the list is never nil.
func (e *Engine) Folders(ctx context.Context, dirs []string) ([]store.Folder, error) {
	roots, err := e.store.Roots(ctx)
	list := []store.Folder{}
	for _, dir := range dirs {
		for _, r := range roots {
			for _, root := range bothNames(r.Path) {
				if rel, inside := store.Relative(root, dir); inside {
					list = append(list, store.Folder{Root: r.ID, Dir: rel})
				} else if _, inside := store.Relative(dir, root); inside {
					list = append(list, store.Folder{Root: r.ID})
				}
			}
		}
	}
	return list, err
}

// bothNames returns a path as given and, if different, the path with symbolic links resolved.
func bothNames(path string) []string {
	if target, err := filepath.EvalSymlinks(path); err == nil && target != path {
		return []string{path, target}
	}
	return []string{path}
}

// Files returns the files that the index has at absolute paths; other paths are omitted. The files may no longer exist.
// Embedded refers to the given model.
func (e *Engine) Files(ctx context.Context, model string, paths []string) (map[string]store.KnownFile, error) {
	known, err := e.Known(ctx, model, paths)
	found := make(map[string]store.KnownFile, len(known))
	for file, k := range known {
		if k.File != nil {
			found[file] = *k.File
		}
	}
	return found, err
}

// Known returns the files and failures that the index has at absolute paths; other paths are omitted. Embedded refers to the given model.
// If roots are nested, a file takes precedence over a failure.
func (e *Engine) Known(ctx context.Context, model string, paths []string) (map[string]store.Known, error) {
	roots, err := e.store.Roots(ctx)
	if err != nil {
		return nil, err
	}
	places := make(map[string][]store.Place, len(paths)) // the possible places of a path, most likely first
	var all []store.Place
	for _, file := range paths {
		for _, name := range bothNames(file) {
			for _, r := range roots {
				rel, inside := store.Relative(r.Path, name)
				if !inside || rel == "" {
					continue
				}
				dir := path.Dir(rel)
				if dir == "." {
					dir = ""
				}
				places[file] = append(places[file], store.Place{Root: r.ID, Dir: dir, Name: path.Base(rel)})
			}
		}
		all = append(all, places[file]...)
	}
	known, err := e.store.Known(ctx, model, all)
	if err != nil {
		return nil, err
	}
	found := make(map[string]store.Known)
	for _, file := range paths {
		for _, at := range places[file] {
			k := known[at]
			if k.File != nil {
				found[file] = k
				break
			}
			if _, ok := found[file]; !ok && k.Failure != nil {
				found[file] = k
			}
		}
	}
	return found, nil
}
