package cmd

import (
	"context"
	"errors"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
)

// indexAt is the index that --index names.
func (a *App) indexAt() (app.Index, error) {
	path, err := a.indexPath()
	return app.Index{Path: path, Migrating: func(from, to int) {
		a.notef("bringing the index up to date (schema %d to %d)", from, to)
	}}, err
}

// openReadOnly opens the index for reading.
func (a *App) openReadOnly(ctx context.Context) (store.Store, error) {
	at, err := a.indexAt()
	if err != nil {
		return nil, err
	}
	return at.OpenForReading(ctx)
}

// changeIndex opens an index that is there for a change, under its lock.
func (a *App) changeIndex(ctx context.Context, change func(store.Store) error) error {
	at, err := a.indexAt()
	if err != nil {
		return err
	}
	ix, err := at.OpenForReading(ctx) // an index that is not there is not made
	if errors.Is(err, store.ErrNoIndex) {
		return err
	}
	if err == nil {
		ix.Close()
	}
	ix, lock, err := at.OpenLocked(ctx)
	if err != nil {
		return err
	}
	defer lock.Unlock() //nolint:errcheck // the process ends
	defer ix.Close()
	return change(ix)
}
