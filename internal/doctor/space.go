package doctor

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/dustin/go-humanize"

	"github.com/imgsearch/imgsearch/internal/disk"
)

// checkFolders sees that the index's and the cache's folders take files.
func checkFolders(_ context.Context, e *examination) {
	path, err := e.App.IndexPath()
	if err != nil {
		return // told by checkIndex
	}
	if err := takesFiles(filepath.Dir(path)); err != nil {
		e.warn("folders", MakeWritable, "the index's folder: %v", err)
		return
	}
	var errs []error
	for _, dir := range e.App.CacheDirs() {
		if err := takesFiles(dir); err == nil {
			e.ok("folders", "index: %s; cache: %s", filepath.Dir(path), dir)
			return
		} else { //nolint:revive // err belongs to the attempt
			errs = append(errs, err)
		}
	}
	e.warn("folders", SetCache, "no cache folder: %v", errors.Join(errs...))
}

// takesFiles tells whether a file can be made in dir, or in the nearest folder above that exists; nothing is left.
func takesFiles(dir string) error {
	dir = disk.Nearest(dir)
	f, err := os.CreateTemp(dir, ".imgsearch-doctor-*")
	if err != nil {
		return err
	}
	f.Close()
	return os.Remove(f.Name())
}

// minFree is the space below which an index run may not end well: 100,000 pictures take some 100 MB.
const minFree = 500 << 20

func checkSpace(_ context.Context, e *examination) {
	path, err := e.App.IndexPath()
	if err != nil {
		return // told by checkIndex
	}
	dir := disk.Nearest(filepath.Dir(path))
	free, err := disk.Free(dir)
	switch {
	case err != nil:
		e.warn("space", SeeMessage, "free space of %s: %v", dir, err)
	case free < minFree:
		e.warn("space", FreeSomeDisk, "%s free at %s", humanize.IBytes(free), dir)
	default:
		e.ok("space", "%s free at %s", humanize.IBytes(free), dir)
	}
}
