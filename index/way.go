package index

import (
	"context"
	"errors"
	"os"

	"github.com/imgsearch/imgsearch/index/store"
)

// A step is one operation of the read stage on a file. A file's way is a list of steps that share a reading: each step uses what earlier ones
// stored there and adds its own results. It returns end when nothing is left to do. A new step is a new file, step_NAME.go, and an entry in a list here.
type step func(context.Context, *worker, *reading) (end bool, err error)

// wayOf returns the way of a file that must be read. No step waits for a disk while it holds memory: the worker that has the disk may be
// waiting for that memory.
func wayOf(t task) []step {
	switch {
	case t.preview != nil: // a picture whose disk is not connected, and whose preview is in the index
		return []step{loadPreview, decodePicture, handOn}
	case t.refresh: // a known file of which only the metadata must be read
		return []step{waitForDisk, openFile, checkUnchanged, readHeader, readMetadata, closeFile, readSidecar, dateFiles, handOnMetadata}
	}
	return []step{
		readTwins, waitForDisk, openFile, readHeader, checkLimits, reserveMemory, readContent, closeFile,
		readMetadata, readSidecar, joinTwins, dateFiles, identify, settleKnown, decodePicture, handOn, readText,
	}
}

// twinWay returns the way of a file that may be a JPEG's twin, until that is decided.
func twinWay() []step {
	return []step{waitForDisk, openFile, readHeader, checkLimits, checkTwin, readMetadata, closeFile, readSidecar}
}

// reading is a file in the read stage.
type reading struct {
	task task

	leaveDisk func()   // ends the turn at the disk
	file      *os.File // from openFile to closeFile
	source    Source
	header    Header
	unread    bool // a known file whose header this version does not accept: what was known stays
	reserved  int64
	data      []byte

	orientation int // EXIF's
	twins       []*reading
	apart       []task // taken for twins, but must be read separately
	picture     store.Picture

	claim       *claim
	wantsTensor bool
	wantsSmall  bool // a preview
	wantsText   bool
	decoded     Picture // until its text is read
	tensor      *[]float32
	small       []byte
	damaged     bool
}

// follow runs the steps of a way on a file, and then releases what the reading holds, whatever the outcome.
func (w *worker) follow(ctx context.Context, f *reading, way []step) error {
	defer w.letGo(f)
	for _, do := range way {
		if end, err := do(ctx, w, f); err != nil || end {
			return err
		}
	}
	return nil
}

// errLetGo is what workers that wait for a picture get if its reading ended before it was decoded.
var errLetGo = errors.New("another copy of this picture could not be read")

// letGo releases what a reading still holds.
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

// close closes the file and lets the next worker use its disk.
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
