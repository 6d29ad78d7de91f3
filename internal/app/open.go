package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/imgsearch/imgsearch/index/store"
)

// Index is the index that is configured.
func (a *App) Index() (Index, error) {
	path, err := a.IndexPath()
	return Index{
		Path:      path,
		Migrating: func(from, to int) { a.Notify(Migrating{from, to}) },
		Waiting:   func() { a.Notify(MigratedElsewhere{}) },
	}, err
}

// OpenForReading opens the configured index for reading.
func (a *App) OpenForReading(ctx context.Context) (store.Store, error) {
	at, err := a.Index()
	if err != nil {
		return nil, err
	}
	return at.OpenForReading(ctx)
}

// Change opens an index that is there for a change, under its lock.
func (a *App) Change(ctx context.Context, change func(store.Store) error) error {
	at, err := a.Index()
	if err != nil {
		return err
	}
	if err := at.Check(); errors.Is(err, store.ErrNoIndex) { // an index that is not there is not made
		return fmt.Errorf("open index %q: %w", at.Path, err)
	}
	ix, lock, err := at.OpenLocked(ctx)
	if err != nil {
		return err
	}
	defer lock.Unlock() //nolint:errcheck // the process ends
	defer ix.Close()
	return change(ix)
}
