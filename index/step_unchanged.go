package index

import "context"

// checkUnchanged checks that a known file has not changed. A file that has is read completely.
func checkUnchanged(_ context.Context, _ *worker, f *reading) (bool, error) {
	if !f.task.stat.Same(f.task.known.Stat) {
		return false, errChanged
	}
	return false, nil
}
