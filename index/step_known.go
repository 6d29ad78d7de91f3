package index

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/disk"
	"github.com/imgsearch/imgsearch/scan"
)

// settleKnown ends the way of a picture that the index has, or that another worker has in its hands: its file is noted. Of any other
// it says what is wanted.
func settleKnown(ctx context.Context, w *worker, f *reading) (end bool, err error) {
	mine, c := w.claims.take(f.picture.ID)
	if !mine {
		select { // wait for what it turns out to be
		case <-c.done:
		case <-ctx.Done():
			return false, ctx.Err()
		}
		if c.err != nil {
			return false, c.err
		}
		return true, w.putKnown(ctx, f)
	}
	f.claim = c
	// Asked under the claim: what another worker released is committed, and seen here.
	all, err := w.store.Pictures(ctx, w.req.Model.Identity, []store.PictureID{f.picture.ID})
	if err != nil {
		c.finish(err)
		return false, &indexError{err}
	}
	known := all[f.picture.ID]
	f.wantsTensor, f.wantsSmall = !known.Embedded, w.req.KeepPreviews && !known.Preview
	if f.wantsTensor || f.wantsSmall {
		return false, nil
	}
	c.finish(nil)
	w.claims.release(f.picture.ID)
	f.claim = nil
	return true, w.putKnown(ctx, f)
}

// putKnown records a file whose picture has its vector already, or is about to.
func (w *worker) putKnown(ctx context.Context, f *reading) error {
	if err := w.findMoved(ctx, &f.task, f.picture.ID); err != nil {
		return &indexError{err}
	}
	return w.send(ctx, write{task: f.task, picture: &f.picture})
}

// findMoved finds the files that a new file and its twins were, if the picture's old files are gone for certain: nothing is at
// their old places, and those are still on the disk that held them.
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

// deviceAbove is the device of the nearest folder above a place that exists, up to the root; ok is false if even that
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

// claims are the pictures that some worker has in its hands, so that copies are decoded and embedded once.
type claims struct {
	mu   sync.Mutex
	byID map[store.PictureID]*claim
}

// claim is one picture in a worker's hands. done is closed when it is decoded; err, then, says that it cannot be.
type claim struct {
	done chan struct{}
	once sync.Once
	err  error
}

// finish says what the picture turned out to be; the first word counts.
func (c *claim) finish(err error) {
	c.once.Do(func() {
		c.err = err
		close(c.done)
	})
}

// take returns a new claim, or the one that another worker holds.
func (c *claims) take(id store.PictureID) (mine bool, held *claim) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if held, ok := c.byID[id]; ok {
		return false, held
	}
	if c.byID == nil {
		c.byID = make(map[store.PictureID]*claim)
	}
	held = &claim{done: make(chan struct{})}
	c.byID[id] = held
	return true, held
}

// release ends a claim: the index knows the picture now, or never will.
func (c *claims) release(id store.PictureID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.byID, id)
}
