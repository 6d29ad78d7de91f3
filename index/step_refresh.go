package index

import "context"

// handOnMetadata hands on what a known file says of itself now.
func handOnMetadata(ctx context.Context, w *worker, f *reading) (bool, error) {
	op := write{task: f.task}
	if !f.unread {
		op.picture = &f.picture
	}
	return true, w.send(ctx, op)
}
