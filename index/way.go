package index

import (
	"context"
	"errors"
	"os"

	"github.com/imgsearch/imgsearch/index/store"
)

// A file's way through the read stage is a line of steps over one value, the reading. A step takes what those before it have put there,
// and adds its own; it ends the way where nothing is left to do. Another step is another file, step_NAME.go, and its place in a line here.
type step func(context.Context, *worker, *reading) (end bool, err error)

// wayOf is the way of a file that must be read. Nothing waits for a disk while it holds memory: who has the disk may be waiting for
// that.
func wayOf(t task) []step {
	switch {
	case t.preview != nil: // a picture whose disk is away, and whose preview the index has
		return []step{loadPreview, decodePicture, handOn}
	case t.refresh: // a known file, of which only what it says of itself is read
		return []step{waitForDisk, openFile, checkUnchanged, readHeader, readMetadata, closeFile, readSidecar, handOnMetadata}
	}
	return []step{
		readTwins, waitForDisk, openFile, readHeader, checkLimits, reserveMemory, readContent, closeFile,
		readMetadata, readSidecar, joinTwins, identify, settleKnown, decodePicture, handOn,
	}
}

// twinWay is the way of a file that may stand behind a JPEG, until that is decided.
func twinWay() []step {
	return []step{waitForDisk, openFile, readHeader, checkLimits, checkTwin, readMetadata, closeFile, readSidecar}
}

// reading is a file on its way.
type reading struct {
	task task

	leaveDisk func()   // gives the turn at the disk back
	file      *os.File // from openFile to closeFile
	source    Source
	header    Header
	unread    bool // of a known file: this version does not accept the header, and what was known stays
	reserved  int64
	data      []byte

	orientation int // EXIF's
	twins       []*reading
	apart       []task // were taken for twins and are to be read by themselves
	picture     store.Picture

	claim       *claim
	wantsTensor bool
	wantsSmall  bool // a preview
	tensor      *[]float32
	small       []byte
	damaged     bool
}

// follow takes a file through the steps of a way, and gives back what it holds when it ends, however it ends.
func (w *worker) follow(ctx context.Context, f *reading, way []step) error {
	defer w.letGo(f)
	for _, do := range way {
		if end, err := do(ctx, w, f); err != nil || end {
			return err
		}
	}
	return nil
}

// errLetGo is told to those who wait for a picture whose way ended before it was decoded.
var errLetGo = errors.New("a copy of it could not be read")

// letGo gives back what a reading still holds.
func (w *worker) letGo(f *reading) {
	f.close()
	if f.reserved > 0 {
		w.budget.Release(f.reserved)
	}
	if f.tensor != nil {
		w.tensors.Put(f.tensor)
	}
	if f.claim != nil { // the way ended before the picture was handed on
		f.claim.finish(errLetGo)
		w.claims.release(f.picture.ID)
	}
}

// close closes the file, and lets the next worker to its disk.
func (f *reading) close() {
	if f.file != nil {
		f.file.Close()
		f.file = nil
	}
	if f.leaveDisk != nil {
		f.leaveDisk()
		f.leaveDisk = nil
	}
}
