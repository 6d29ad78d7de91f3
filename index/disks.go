package index

import (
	"context"
	"sync"
)

// disks let only one worker at a time read from a disk that is faster with one reader than with several; the others decode meanwhile.
type disks struct {
	// sequential reports whether the disk that holds a path is such a disk.
	sequential func(path string) bool

	mu       sync.Mutex
	byDevice map[uint64]chan struct{} // holds the turn; nil: any number of readers
}

// enter waits for a turn to read a file on a device; the caller must call leave when the file is read.
func (d *disks) enter(ctx context.Context, device uint64, path string) (leave func(), err error) {
	turn := d.turn(device, path)
	if turn == nil {
		return func() {}, nil
	}
	select {
	case turn <- struct{}{}:
		return sync.OnceFunc(func() { <-turn }), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (d *disks) turn(device uint64, path string) chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	turn, known := d.byDevice[device]
	if !known {
		if d.sequential(path) {
			turn = make(chan struct{}, 1)
		}
		if d.byDevice == nil {
			d.byDevice = make(map[uint64]chan struct{})
		}
		d.byDevice[device] = turn
	}
	return turn
}
