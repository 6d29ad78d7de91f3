package vectors

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/fserr"
	"github.com/imgsearch/imgsearch/internal/words"
	"github.com/imgsearch/imgsearch/scan"
)

// Where sidecars are written: in a folder of their own, which mirrors the roots, or beside the photos.

// findRoots sets the roots' paths, and the folders in DIR that mirror them: named like the root, or by its whole path if another root has that name.
func (x *xmpExport) findRoots(ctx context.Context) error {
	roots, err := x.ix.Roots(ctx)
	if err != nil {
		return err
	}
	x.roots, x.below = make(map[store.RootID]string), make(map[store.RootID]string)
	count := make(map[string]int)
	for _, r := range roots {
		count[strings.ToLower(filepath.Base(r.Path))]++
	}
	taken := make(map[string]bool)
	for _, r := range roots {
		x.roots[r.ID] = r.Path
		name := filepath.Base(r.Path)
		if count[strings.ToLower(name)] > 1 || !filepath.IsLocal(name) {
			name = strings.Trim(strings.NewReplacer(string(filepath.Separator), "_", ":", "").Replace(r.Path), "_")
		}
		free := name
		for n := 2; taken[strings.ToLower(free)] || free != filepath.Base(r.Path) && count[strings.ToLower(free)] > 0; n++ {
			free = fmt.Sprintf("%s_%d", name, n)
		}
		taken[strings.ToLower(free)], x.below[r.ID] = true, free
	}
	return nil
}

// checkFolder makes sure that DIR can be written to, and that no sidecar comes into a folder of photos.
func (x *xmpExport) checkFolder() error {
	if x.beside {
		return nil
	}
	const hint = "use a folder of its own, such as ~/sidecars"
	dir, err := resolved(x.xmp)
	if err != nil {
		return cli.Usage(hint, "--xmp %s: %v", words.Path(x.xmp), fserr.Cause(err))
	}
	for id, name := range x.below {
		mirror, err := resolved(filepath.Join(dir, name))
		if err != nil {
			return cli.Usage(hint, "--xmp %s: %v", words.Path(x.xmp), fserr.Cause(err))
		}
		for _, root := range x.roots {
			photos, err := resolved(root)
			if err != nil {
				photos = root
			}
			if inside(mirror, photos) || inside(photos, mirror) || inside(dir, photos) {
				return cli.Usage(hint, "the sidecars of %s would be written to %s, among the photos", words.Path(x.roots[id]), words.Path(mirror))
			}
		}
	}
	if x.dryRun {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return cli.Usage(hint, "--xmp %s: %v", words.Path(x.xmp), fserr.Cause(err))
	}
	return nil
}

// resolved returns an absolute path without links, as far as it exists.
func resolved(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	target, err := filepath.EvalSymlinks(path)
	if parent := filepath.Dir(path); errors.Is(err, fs.ErrNotExist) && parent != path {
		if parent, err = resolved(parent); err == nil {
			return filepath.Join(parent, filepath.Base(path)), nil
		}
	}
	return target, err
}

// inside reports whether a path is a folder or lies below it, also if the file system ignores case.
func inside(path, folder string) bool {
	if below, err := filepath.Rel(folder, path); err == nil && filepath.IsLocal(below) {
		return true
	}
	is, err := os.Stat(folder)
	for ; err == nil && path != filepath.Dir(path); path = filepath.Dir(path) {
		if one, err := os.Stat(path); err == nil && os.SameFile(one, is) {
			return true
		}
	}
	return false
}

// place returns the path of a file's sidecar; ok is false if there must be none: beside a photo that has one already, or that is missing.
func (x *xmpExport) place(f store.FileRecord) (path string, ok bool) {
	root, known := x.roots[f.Root]
	name := f.Name + ".xmp"
	if x.adobe {
		name = strings.TrimSuffix(f.Name, filepath.Ext(f.Name)) + ".xmp"
	}
	if !x.beside {
		return filepath.Join(x.xmp, x.below[f.Root], filepath.FromSlash(f.Dir), name), true
	}
	photo := f.Path(root)
	if _, err := os.Lstat(photo); !known || err != nil {
		return "", false
	}
	dir := filepath.Dir(photo)
	if x.seenIn != dir || x.seen == nil {
		x.seenIn, x.seen = dir, scan.SidecarsIn(dir)
	}
	if _, has := x.seen.Of(f.Name); has {
		x.sum.Existing++
		return "", false
	}
	return filepath.Join(dir, name), true
}
