package index

import (
	"context"

	"github.com/imgsearch/imgsearch/index/store"
)

// decoded is a picture on its way to the tower.
type decoded struct {
	task    task
	picture store.Picture
	tensor  *[]float32
	preview []byte
	damaged bool
}

// handOn sends the picture to the tower or, if its vector is known, to the index. The reading's tensor and claim go with it.
// The next step reads the picture's text, unless text recognition is off.
func handOn(ctx context.Context, w *worker, f *reading) (bool, error) {
	if f.tensor == nil {
		err := w.send(ctx, write{task: f.task, picture: &f.picture, preview: f.small, claimed: true})
		if err == nil {
			f.claim = nil
		}
		return !f.wantsText, err
	}
	select {
	case w.ready <- decoded{f.task, f.picture, f.tensor, f.small, f.damaged}:
		f.tensor, f.claim = nil, nil
		return !f.wantsText, nil
	case <-ctx.Done():
		return true, ctx.Err()
	}
}
