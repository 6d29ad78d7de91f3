package index

import (
	"context"

	"github.com/imgsearch/imgsearch/index/store"
)

// embedPreviews embeds pictures from their previews if all of their files are in unreachable roots, so that another model can be used
// while a disk is not connected.
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
