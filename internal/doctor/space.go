package doctor

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/dustin/go-humanize"

	"github.com/imgsearch/imgsearch/internal/disk"
)

// checkFolders checks that the folders of the index and the cache are writable.
func checkFolders(_ context.Context, e *examination) {
	at, err := e.App.Index()
	if err != nil {
		return // checkIndex reports it
	}
	index := ""
	if !at.InDatabase() {
		if err := takesFiles(filepath.Dir(at.Path)); err != nil {
			e.warn("folders", MakeWritable, "cannot write to the index's folder: %v", err)
			return
		}
		index = "index: " + filepath.Dir(at.Path) + "; "
	}
	var errs []error
	for _, dir := range e.App.CacheDirs() {
		if err := takesFiles(dir); err == nil {
			e.ok("folders", "%scache: %s", index, dir)
			return
		} else { //nolint:revive // err belongs to the attempt
			errs = append(errs, err)
		}
	}
	e.warn("folders", SetCache, "no writable cache folder: %v", errors.Join(errs...))
}

// takesFiles returns an error if a file cannot be created in dir, or in the nearest folder above it that exists. It removes the file.
func takesFiles(dir string) error {
	dir = disk.Nearest(dir)
	f, err := os.CreateTemp(dir, ".imgsearch-doctor-*")
	if err != nil {
		return err
	}
	f.Close()
	return os.Remove(f.Name())
}

// minFree is the free space below which a run of index may fail: 100,000 pictures take about 100 MB.
const minFree = 500 << 20

func checkSpace(_ context.Context, e *examination) {
	at, err := e.App.Index()
	if err != nil {
		return // checkIndex reports it
	}
	dir := disk.Nearest(filepath.Dir(at.Base()))
	free, err := disk.Free(dir)
	switch {
	case err != nil:
		e.warn("space", SeeMessage, "cannot determine the free space at %s: %v", dir, err)
	case free < minFree:
		e.warn("space", FreeSomeDisk, "%s free at %s", humanize.IBytes(free), dir)
	default:
		e.ok("space", "%s free at %s", humanize.IBytes(free), dir)
	}
}
