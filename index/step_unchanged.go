package index

import "context"

// checkUnchanged sees that a known file is what it was. One that is not is read whole.
func checkUnchanged(_ context.Context, _ *worker, f *reading) (bool, error) {
	if !f.task.stat.Same(f.task.known.Stat) {
		return false, errChanged
	}
	return false, nil
}
