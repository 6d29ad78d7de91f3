package index

import (
	"bytes"
	"context"
	"fmt"

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
		r.req.On.Found()
	}
	return r.stream(ctx, r.req.Jobs, false, func(ctx context.Context, out chan<- task) error { return feed(ctx, r.stop, tasks, out) })
}

// preview decodes a picture's preview for the tower.
func (w *reader) preview(ctx context.Context, t task) error {
	// One at a time: all of a library's would be too much to keep, and decoding one takes far longer than reading it.
	previews, err := w.store.Previews(ctx, []store.PictureID{*t.preview})
	if err != nil {
		return err
	}
	data, ok := previews[*t.preview]
	if !ok { // it went meanwhile
		w.req.On.Read()
		return nil
	}
	h, err := w.req.Reader.Header(bytes.NewReader(data))
	if err != nil {
		w.badPreview(t, err)
		return nil
	}
	d := decoded{task: t, picture: store.Picture{Orientation: 1}, tensor: w.tensors.Get().(*[]float32)} //nolint:forcetypeassert // the pool holds nothing else
	if err := w.decode(h, data, &d, false); err != nil {
		w.tensors.Put(d.tensor)
		w.badPreview(t, err)
		return nil
	}
	select {
	case w.ready <- d:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// badPreview tells of a preview that cannot be decoded. Its picture waits for its disk.
func (w *reader) badPreview(t task, err error) {
	w.req.On.Warned(fmt.Sprintf("the preview of picture %s in the index cannot be read: %v", t.preview, err))
	w.req.On.Read()
}
