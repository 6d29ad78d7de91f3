package index

import "context"

// waitForDisk waits for a turn at the file's disk.
func waitForDisk(ctx context.Context, w *worker, f *reading) (end bool, err error) {
	f.leaveDisk, err = w.disks.enter(ctx, f.task.device, w.path(f.task.place))
	return false, err
}
