package index

import (
	"bytes"
	"context"

	"github.com/imgsearch/imgsearch/index/store"
)

// loadPreview loads the picture's preview from the index.
func loadPreview(ctx context.Context, w *worker, f *reading) (end bool, err error) {
	// One at a time: all previews of a library would take too much memory, and decoding one takes far longer than reading it.
	previews, err := w.store.Previews(ctx, []store.PictureID{*f.task.preview})
	if err != nil {
		return false, &indexError{err}
	}
	data, ok := previews[*f.task.preview]
	if !ok { // it was deleted meanwhile
		w.req.On.Read()
		return true, nil
	}
	f.data, f.orientation, f.wantsTensor = data, 1, true
	f.picture.Orientation = f.orientation
	f.source, err = w.req.Reader.Open(bytes.NewReader(data))
	return false, err
}
