package index

import "context"

// handOnMetadata sends a known file's current metadata to the index.
func handOnMetadata(ctx context.Context, w *worker, f *reading) (bool, error) {
	op := write{task: f.task}
	if !f.unread {
		op.picture = &f.picture
	}
	return true, w.send(ctx, op)
}
