package index

import (
	"context"
	"sync"

	"github.com/imgsearch/imgsearch/internal/disk"
)

// waitForDisk waits for a turn at the file's disk.
func waitForDisk(_ context.Context, w *worker, f *reading) (bool, error) {
	f.leaveDisk = w.disks.enter(f.task.device, w.path(f.task.place))
	return false, nil
}

// disks let one worker at a time read from a disk that serves one reader better than several; the others decode meanwhile.
type disks struct {
	mu       sync.Mutex
	byDevice map[uint64]*sync.Mutex // nil: any number of readers
}

// enter waits for a turn to read a file on a device; the caller calls leave when the file is read.
func (d *disks) enter(device uint64, path string) (leave func()) {
	d.mu.Lock()
	turn, known := d.byDevice[device]
	if !known {
		if disk.Sequential(path) {
			turn = new(sync.Mutex)
		}
		if d.byDevice == nil {
			d.byDevice = make(map[uint64]*sync.Mutex)
		}
		d.byDevice[device] = turn
	}
	d.mu.Unlock()
	if turn == nil {
		return func() {}
	}
	turn.Lock()
	return sync.OnceFunc(turn.Unlock)
}
