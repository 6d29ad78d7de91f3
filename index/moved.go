package index

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/disk"
	"github.com/imgsearch/imgsearch/scan"
)

// findMoved finds the places from which a new file and its twins were moved, if the picture's old files are certainly gone: nothing is at
// their old places, and those are still on the disk that held the files.
func (w *worker) findMoved(ctx context.Context, t *task, id store.PictureID) error {
	wanted := []*task{}
	if t.known == nil {
		wanted = append(wanted, t)
	}
	for i := range t.twins {
		if t.twins[i].known == nil {
			wanted = append(wanted, &t.twins[i])
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	files, err := w.store.FilesOf(ctx, []store.PictureID{id})
	if err != nil {
		return err
	}
	for _, old := range files[id] {
		if len(wanted) == 0 {
			break
		}
		if _, err := os.Lstat(w.path(old.Place)); errors.Is(err, fs.ErrNotExist) {
			if device, ok := w.deviceAbove(old.Place); ok && device == old.Device {
				wanted[0].movedFrom = &old.Place
				wanted = wanted[1:]
			}
		}
	}
	return nil
}

// deviceAbove returns the device of the nearest existing folder above a place, up to the root; ok is false if even the root
// is gone.
func (r *run) deviceAbove(at store.Place) (device uint64, ok bool) {
	root := r.roots[at.Root].Path
	dir := disk.Nearest(filepath.Dir(at.Path(root)))
	if _, inside := store.Relative(root, dir); !inside {
		return 0, false
	}
	_, device, _, err := scan.Stat(dir)
	return device, err == nil
}
