package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
)

// Index returns the configured index.
func (a *App) Index() (Index, error) {
	path, err := a.indexName()
	return Index{
		Path:       path,
		Migrating:  func(from, to int) { a.Notify(Migrating{from, to}) },
		Waiting:    func() { a.Notify(MigratedElsewhere{}) },
		Wait:       migrationWait,
		LogDamaged: func() { a.Notify(LogDamaged{}) },
	}, err
}

// migrationWait is how long a reader waits for another process to upgrade the index: a million pictures take 18 s.
const migrationWait = 30 * time.Second

// OpenForReading opens the configured index for reading.
func (a *App) OpenForReading(ctx context.Context) (store.Store, error) {
	at, err := a.Index()
	if err != nil {
		return nil, err
	}
	return at.OpenForReading(ctx)
}

// OpenAtOnce opens the configured index for reading if it need not wait: for callers that can do without the index or must answer quickly.
func (a *App) OpenAtOnce(ctx context.Context) (store.Store, error) {
	at, err := a.Index()
	if err != nil {
		return nil, err
	}
	at.Wait = 0
	return at.OpenForReading(ctx)
}

// Change calls change with the configured index, which must exist, while it holds the lock of the index.
func (a *App) Change(ctx context.Context, change func(store.Store) error) error {
	at, err := a.Index()
	if err != nil {
		return err
	}
	if err := at.Check(); errors.Is(err, store.ErrNoIndex) { // do not create an index
		return fmt.Errorf("open index %q: %w", at.Location(), err)
	}
	ix, lock, err := at.OpenLocked(ctx)
	if err != nil {
		return err
	}
	defer lock.Unlock() //nolint:errcheck // the process ends
	defer ix.Close()
	return change(ix)
}
