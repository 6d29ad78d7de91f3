package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/imgsearch/imgsearch/index/store"
)

// lock is a locked file beside the index. The system unlocks it when the process ends, however it ends.
type lock struct{ file *flock.Flock }

// Lock locks the whole index, whatever roots are asked for: there is one file to write.
func (s *Store) Lock(_ context.Context, _ ...store.RootID) (store.Lock, error) {
	if !s.memory {
		return tryLock(s.path)
	}
	if !s.own.TryLock() {
		return nil, fmt.Errorf("lock index %q: %w", s.path, store.ErrBusy)
	}
	return ownLock{&s.own}, nil
}

// ownLock locks an index that lives in this process only.
type ownLock struct{ mu *sync.Mutex }

// Unlock lets others in.
func (l ownLock) Unlock() error {
	l.mu.Unlock()
	return nil
}

func tryLock(path string) (*lock, error) {
	file := flock.New(path+".lock", flock.SetPermissions(0o600))
	ok, err := file.TryLock()
	for range lookers {
		if ok || err != nil {
			break
		}
		time.Sleep(lookTime)
		ok, err = file.TryLock()
	}
	if err != nil {
		return nil, fmt.Errorf("lock index %q: %w", path, err)
	}
	if !ok {
		return nil, fmt.Errorf("lock index %q: %w", path, store.ErrBusy)
	}
	return &lock{file}, nil
}

// Unlock lets others in.
func (l *lock) Unlock() error { return l.file.Close() }

// TryLock takes the lock of an index that is not open: one that may be too damaged for that.
func TryLock(path string) (store.Lock, error) { return tryLock(path) }

// Who looks whether an index is locked holds its lock for an instant: a lock that is taken is tried again, lookers times.
const (
	lookers  = 3
	lookTime = 5 * time.Millisecond
)

// IsLocked reports whether somebody holds the lock of an index.
func IsLocked(path string) (bool, error) {
	if _, err := os.Stat(path + ".lock"); errors.Is(err, fs.ErrNotExist) {
		return false, nil // nobody ever did, and nothing is made here
	}
	file := flock.New(path+".lock", flock.SetFlag(os.O_RDONLY))
	free, err := file.TryRLock()
	if err != nil {
		return false, fmt.Errorf("look at the lock of index %q: %w", path, err)
	}
	return !free, file.Close()
}
