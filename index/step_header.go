package index

import (
	"context"
	"errors"

	"github.com/imgsearch/imgsearch/scan"
)

// readHeader recognises the picture. If this version no longer accepts a known file, what was known about it stays: an indexed picture
// stays in the index.
func readHeader(_ context.Context, w *worker, f *reading) (end bool, err error) {
	f.source, err = w.req.Reader.Open(f.file)
	if err == nil {
		f.header = f.source.Header()
		return false, nil
	}
	if _, content := errors.AsType[*ContentError](err); content && f.task.refresh {
		f.unread = true
		return false, nil
	}
	return false, w.blame(f, err)
}

// blame refines an error of the header. A file named like a picture that is not one is a failure; one named like a camera's raw file is
// of an unsupported kind; any other file is a bystander. While a file is being written, its content is not to blame.
func (w *worker) blame(f *reading, err error) error {
	content, ok := errors.AsType[*ContentError](err)
	if !ok {
		return err
	}
	if now, statErr := statFile(w.path(f.task.place)); statErr == nil && now != f.task.stat {
		return errChanged
	}
	if content.Verdict == NotPicture && scan.ClaimsPicture(f.task.place.Name) {
		return broken(content.Err)
	}
	if content.Verdict == NotPicture && scan.ClaimsRaw(f.task.place.Name) {
		return &ContentError{Verdict: Unsupported, Err: content.Err}
	}
	return err
}
