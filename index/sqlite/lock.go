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
	"github.com/imgsearch/imgsearch/internal/regular"
)

// lock is a locked file next to the index. The operating system releases the lock when the process ends, even after a crash.
type lock struct{ file *flock.Flock }

// Lock locks the whole index, regardless of the roots requested, because there is only one file to write to.
func (s *Store) Lock(_ context.Context, _ ...store.RootID) (store.Lock, error) {
	if !s.memory {
		return tryLock(s.path)
	}
	if !s.own.TryLock() {
		return nil, fmt.Errorf("lock index %q: %w", s.path, store.ErrBusy)
	}
	return ownLock{&s.own}, nil
}

// ownLock locks an in-memory index.
type ownLock struct{ mu *sync.Mutex }

// Unlock releases the lock.
func (l ownLock) Unlock() error {
	l.mu.Unlock()
	return nil
}

func tryLock(path string) (*lock, error) {
	if err := checkLock(path + ".lock"); err != nil {
		return nil, fmt.Errorf("lock index %q: %w", path, err)
	}
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
	if isPending(path) { // before anybody writes into the old index
		if _, err := complete(path); err != nil {
			return nil, errors.Join(fmt.Errorf("lock index %q: %w", path, err), file.Close())
		}
	}
	return &lock{file}, nil
}

// checkLock returns an error if something else is in the place of the lock file, which locking would open or create.
func checkLock(path string) error {
	f, err := regular.Open(path, regular.NoLinks)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// Unlock releases the lock.
func (l *lock) Unlock() error { return l.file.Close() }

// TryLock takes the lock of an index without opening it, since the index may be too damaged to open.
func TryLock(path string) (store.Lock, error) { return tryLock(path) }

// IsLocked holds the lock for a moment while it checks. So that this does not look like a running indexer, tryLock retries up to lookers times.
const (
	lookers  = 3
	lookTime = 5 * time.Millisecond
)

// IsLocked reports whether another process holds the lock of an index.
func IsLocked(path string) (bool, error) {
	if _, err := os.Stat(path + ".lock"); errors.Is(err, fs.ErrNotExist) {
		return false, nil // it was never locked; do not create the file
	}
	if err := checkLock(path + ".lock"); err != nil {
		return false, fmt.Errorf("check the lock of index %q: %w", path, err)
	}
	file := flock.New(path+".lock", flock.SetFlag(os.O_RDONLY))
	free, err := file.TryRLock()
	if err != nil {
		return false, fmt.Errorf("check the lock of index %q: %w", path, err)
	}
	return !free, file.Close()
}
