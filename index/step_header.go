package index

import (
	"context"
	"errors"

	"github.com/imgsearch/imgsearch/scan"
)

// readHeader recognises the picture. Of a known file that this version does not accept any more, what was known stays: a picture that is
// in the index stays in it.
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

// blame completes an error of the header. A name that claims to be a picture and is none is a failure; one of camera raw is
// a kind that is not read; another file is a bystander. While a file is being written its content is not to blame.
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
