package index

import (
	"bytes"
	"context"

	"github.com/imgsearch/imgsearch/index/store"
)

// embedPreviews embeds, by their previews, the pictures whose files all lie in roots that are away: a disk that is in a drawer does
// not keep another model from being used.
func (r *run) embedPreviews(ctx context.Context) error {
	var away []store.RootID
	for _, g := range r.gone {
		if g.unreachable != nil {
			away = append(away, g.root.ID)
		}
	}
	if len(away) == 0 || r.stopped() {
		return nil
	}
	ids, err := r.store.PreviewsToEmbed(ctx, r.req.Model.Identity, away)
	if err != nil || len(ids) == 0 {
		return err
	}
	tasks := make([]task, len(ids))
	for i, id := range ids {
		tasks[i] = task{preview: &id}
		r.found(1)
	}
	return r.stream(ctx, r.req.Jobs, false, func(ctx context.Context, out chan<- task) error { return r.feed(ctx, tasks, out) })
}

// loadPreview takes the picture's preview from the index.
func loadPreview(ctx context.Context, w *worker, f *reading) (end bool, err error) {
	// One at a time: all of a library's would be too much to keep, and decoding one takes far longer than reading it.
	previews, err := w.store.Previews(ctx, []store.PictureID{*f.task.preview})
	if err != nil {
		return false, &indexError{err}
	}
	data, ok := previews[*f.task.preview]
	if !ok { // it went meanwhile
		w.req.On.Read()
		return true, nil
	}
	f.data, f.orientation, f.wantsTensor = data, 1, true
	f.picture.Orientation = f.orientation
	f.source, err = w.req.Reader.Open(bytes.NewReader(data))
	return false, err
}
