package index

import (
	"context"

	"github.com/imgsearch/imgsearch/index/store"
)

// settleKnown ends the way of a picture that the index has or that another worker is processing: only its file is recorded. For any other
// picture it sets what must be made of it.
func settleKnown(ctx context.Context, w *worker, f *reading) (end bool, err error) {
	mine, c := w.claims.take(f.picture.ID)
	if !mine {
		select { // wait for the other worker's result
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
	// Look it up while holding the claim: what another worker released is committed, and visible here.
	all, err := w.store.Pictures(ctx, w.req.Model.Identity, []store.PictureID{f.picture.ID})
	if err != nil {
		c.finish(err)
		return false, &indexError{err}
	}
	known := all[f.picture.ID]
	f.wantsTensor, f.wantsSmall = !known.Embedded, w.req.KeepPreviews && !known.Preview
	if f.wantsTensor || f.wantsSmall {
		f.wantsText = w.req.Text != nil && w.req.Text.Inline && known.TextModel != w.req.Text.Model
		return false, nil
	}
	c.finish(nil)
	w.claims.release(f.picture.ID)
	f.claim = nil
	return true, w.putKnown(ctx, f)
}

// putKnown records a file whose picture already has its vector, or is about to get it.
func (w *worker) putKnown(ctx context.Context, f *reading) error {
	if err := w.findMoved(ctx, &f.task, f.picture.ID); err != nil {
		return &indexError{err}
	}
	return w.send(ctx, write{task: f.task, picture: &f.picture})
}
