// This file and database.go are the only ones that know which store implements an index.

package app

import (
	"context"
	"time"

	"github.com/imgsearch/imgsearch/index/postgres"
	"github.com/imgsearch/imgsearch/index/sqlite"
	"github.com/imgsearch/imgsearch/index/store"
)

// Index names an index: the path of a SQLite file, or the URL of a PostgreSQL database.
type Index struct {
	// Path may contain a password: print Location instead.
	Path string
	// Migrating, if not nil, is called with both schema versions before an index of an earlier schema is upgraded.
	Migrating func(from, to int)
	// Waiting, if not nil, is called once when opening the index for reading must wait for another process to upgrade it.
	Waiting func()
	// Wait limits that wait; 0: if another process holds the lock of an index of an earlier schema, opening it fails with ErrBusy at once.
	Wait time.Duration
	// LogDamaged, if not nil, is called if what was written to the index last has been lost by a damaged file.
	LogDamaged func()
}

func (i Index) options() sqlite.Options {
	return sqlite.Options{Migrating: i.Migrating, Waiting: i.Waiting, Wait: i.Wait, LogDamaged: i.LogDamaged}
}

// InDatabase reports whether the index is in a database, not in a file.
func (i Index) InDatabase() bool { return postgres.IsURL(i.Path) }

// Location returns the index's path, or its URL without a password.
func (i Index) Location() string {
	if i.InDatabase() {
		return postgres.Location(i.Path)
	}
	return i.Path
}

// Check returns an error if the index's path cannot be an index. It does not open a file; a database is asked.
func (i Index) Check() error {
	if i.InDatabase() {
		return i.checkDatabase()
	}
	return sqlite.Check(i.Path)
}

// OpenForReading opens the index for reading. It works on read-only disks too.
func (i Index) OpenForReading(ctx context.Context) (store.Store, error) {
	if i.InDatabase() {
		return openedDatabase(postgres.OpenReadOnly(ctx, i.Path, i.databaseOptions()))
	}
	return opened(sqlite.OpenReadOnly(ctx, i.Path, i.options()))
}

// OpenForChanges opens the index for changes, and creates it if it does not exist.
func (i Index) OpenForChanges(ctx context.Context) (store.Store, error) {
	if i.InDatabase() {
		return openedDatabase(postgres.Open(ctx, i.Path, i.databaseOptions()))
	}
	return opened(sqlite.Open(ctx, i.Path, i.options()))
}

// OpenLocked locks the index and opens it for changes. It creates the index if it does not exist. ErrBusy: another process holds the lock.
func (i Index) OpenLocked(ctx context.Context) (store.Store, store.Lock, error) {
	if i.InDatabase() {
		return i.openDatabaseLocked(ctx, func(s *postgres.Store, ctx context.Context) (store.Lock, error) { return s.Lock(ctx) })
	}
	s, lock, err := sqlite.OpenLocked(ctx, i.Path, i.options())
	if err != nil {
		return nil, nil, err
	}
	return s, lock, nil
}

// OpenToIndex opens the index for a run of the pipeline, and takes the lock that this needs: RunIndex takes those of the roots, if that is not the whole
// index's. It creates the index if it does not exist. ErrBusy: another process holds the lock.
func (i Index) OpenToIndex(ctx context.Context) (store.Store, store.Lock, error) {
	if i.InDatabase() {
		return i.openDatabaseLocked(ctx, (*postgres.Store).LockHost)
	}
	return i.OpenLocked(ctx)
}

// OpenToAddRoots opens the index for adding roots, with the lock that this needs: none in a database, so that a machine can join while others work.
func (i Index) OpenToAddRoots(ctx context.Context) (store.Store, store.Lock, error) {
	if !i.InDatabase() {
		return i.OpenLocked(ctx)
	}
	ix, err := i.OpenForChanges(ctx)
	return ix, noLock{}, err
}

// noLock is a lock that is not needed.
type noLock struct{}

func (noLock) Unlock() error { return nil }

// InMemory returns an empty index in memory.
func InMemory(ctx context.Context) (store.Store, error) { return opened(sqlite.OpenMemory(ctx)) }

// opened keeps a nil pointer from becoming an interface that is not nil.
func opened(s *sqlite.Store, err error) (store.Store, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

// TryLock locks an index that may be too damaged to open. ErrBusy: another process holds the lock.
func (i Index) TryLock() (store.Lock, error) {
	if i.InDatabase() {
		return nil, i.notAFile()
	}
	return sqlite.TryLock(i.Path)
}

// IsLocked reports whether a process holds the lock of the index: it is being updated or repaired.
func (i Index) IsLocked() (bool, error) {
	if i.InDatabase() {
		return i.isDatabaseLocked()
	}
	return sqlite.IsLocked(i.Path)
}

// Examine checks the index without changing it, and returns what is wrong with it: nothing if it is intact.
func (i Index) Examine(ctx context.Context) ([]string, error) {
	if i.InDatabase() {
		return nil, i.notAFile()
	}
	return sqlite.Examine(ctx, i.Path)
}

// Restore replaces the index with a copy of the backup at from, and returns the path at which the previous index is kept; "" if there was
// none. store.ErrDamaged, store.ErrNewer, store.ErrNotIndex and store.ErrNoIndex are about the backup, and leave the index as it is.
// ErrBusy: another process holds the lock.
func (i Index) Restore(ctx context.Context, from string) (kept string, err error) {
	if i.InDatabase() {
		return "", i.notAFile()
	}
	return sqlite.Restore(ctx, from, i.Path)
}

// Salvaged is what was recovered from a damaged index.
type Salvaged struct {
	// Kept is the new path of the damaged file, which is never deleted.
	Kept string
	// Files, Pictures and Vectors are the numbers of those that were recovered.
	Files, Pictures, Vectors int
}

// Salvage replaces a damaged index with a new one that has everything that is still readable. The caller holds the lock.
func (i Index) Salvage(ctx context.Context) (Salvaged, error) {
	if i.InDatabase() {
		return Salvaged{}, i.notAFile()
	}
	s, err := sqlite.Salvage(ctx, i.Path)
	return Salvaged{s.Kept, s.Rows["files"], s.Rows["pictures"], s.Rows["embeddings"]}, err
}

// Journal returns the path of the local file that records which files are being read.
func (i Index) Journal() string { return i.Base() + ".inflight" }
