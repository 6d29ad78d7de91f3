// Package app wires what is configured to what does the work. It is the only place that knows which store an index is kept in; it must
// not know the command line.
package app

import (
	"context"
	"time"

	"github.com/imgsearch/imgsearch/index/sqlite"
	"github.com/imgsearch/imgsearch/index/store"
)

// Index is an index by its name: today the path of a SQLite file.
type Index struct {
	Path string
	// Migrating is told of the versions before an index of an earlier schema is brought up to date; nil: nobody is.
	Migrating func(from, to int)
	// Waiting is told, once, that opening the index for reading waits for another process which is bringing it up to date; nil: nobody is.
	Waiting func()
	// Wait bounds that; 0: where another process has the lock of an index of an earlier schema, opening it is ErrBusy at once.
	Wait time.Duration
}

func (i Index) options() sqlite.Options {
	return sqlite.Options{Migrating: i.Migrating, Waiting: i.Waiting, Wait: i.Wait}
}

// Check tells apart what may lie at the index's place, by its name only: nothing is opened.
func (i Index) Check() error { return sqlite.Check(i.Path) }

// OpenForReading opens the index for reading, on a read-only disk too.
func (i Index) OpenForReading(ctx context.Context) (store.Store, error) {
	return opened(sqlite.OpenReadOnly(ctx, i.Path, i.options()))
}

// OpenForChanges opens the index for changes, and makes it where there is none.
func (i Index) OpenForChanges(ctx context.Context) (store.Store, error) {
	return opened(sqlite.Open(ctx, i.Path, i.options()))
}

// OpenLocked takes the lock of the index, which it makes where there is none, and opens it for changes; ErrBusy: another has the lock.
func (i Index) OpenLocked(ctx context.Context) (store.Store, store.Lock, error) {
	s, lock, err := sqlite.OpenLocked(ctx, i.Path, i.options())
	if err != nil {
		return nil, nil, err
	}
	return s, lock, nil
}

// InMemory returns an empty index that lives as long as the process.
func InMemory(ctx context.Context) (store.Store, error) { return opened(sqlite.OpenMemory(ctx)) }

// opened keeps a nil pointer from becoming an interface that is not nil.
func opened(s *sqlite.Store, err error) (store.Store, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

// TryLock takes the lock of an index that may be too damaged to be opened; ErrBusy: another has it.
func (i Index) TryLock() (store.Lock, error) { return sqlite.TryLock(i.Path) }

// IsLocked reports whether somebody holds the lock of the index: it is being brought up to date, or repaired.
func (i Index) IsLocked() (bool, error) { return sqlite.IsLocked(i.Path) }

// Examine checks the index as it lies, without changing it: what is wrong with it, nothing if it is sound.
func (i Index) Examine(ctx context.Context) ([]string, error) { return sqlite.Examine(ctx, i.Path) }

// Journal is a file of this machine that notes what is being read.
func (i Index) Journal() string { return i.Path + ".inflight" }

// Salvaged is what was saved of a damaged index.
type Salvaged struct {
	// Kept is where the damaged file lies now; it is never deleted.
	Kept string
	// Files, Pictures and Vectors are those that were saved.
	Files, Pictures, Vectors int
}

// Salvage makes a new index of what can be read of a damaged one, and puts it in its place. The caller holds the lock.
func (i Index) Salvage(ctx context.Context) (Salvaged, error) {
	s, err := sqlite.Salvage(ctx, i.Path)
	return Salvaged{s.Kept, s.Rows["files"], s.Rows["pictures"], s.Rows["embeddings"]}, err
}
