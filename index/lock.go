package index

import (
	"errors"
	"fmt"

	"github.com/gofrs/flock"
)

// ErrBusy is an index that another process is bringing up to date.
var ErrBusy = errors.New("another imgsearch is indexing")

// Lock keeps other indexers out. The system releases it when the process ends, however it ends.
type Lock struct{ file *flock.Flock }

// TryLock takes the lock of the index at path, or returns ErrBusy.
func TryLock(path string) (*Lock, error) {
	file := flock.New(path+".lock", flock.SetPermissions(0o600))
	ok, err := file.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock index %q: %w", path, err)
	}
	if !ok {
		return nil, fmt.Errorf("lock index %q: %w", path, ErrBusy)
	}
	return &Lock{file}, nil
}

// Unlock lets others in.
func (l *Lock) Unlock() error { return l.file.Close() }
