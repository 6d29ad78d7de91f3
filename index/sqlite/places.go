package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/places"
)

// placeOf returns the value of the column place for a position.
func placeOf(p *store.Position) any {
	if p == nil {
		return nil
	}
	if id := places.NearestID(p.Latitude, p.Longitude); id != 0 {
		return id
	}
	return nil
}

// updatePlaces finds the places of all pictures again if they were found in another version of the gazetteer. The caller holds the lock.
func (s *Store) updatePlaces(ctx context.Context) error {
	var version string
	err := s.read.QueryRowContext(ctx, "SELECT value FROM meta WHERE key = 'gazetteer'").Scan(&version)
	if err != nil && !errors.Is(err, sql.ErrNoRows) || version == places.Version {
		return explain(err)
	}
	return s.inTx(ctx, func(t *tx) error {
		if _, err := t.exec(ctx, "UPDATE pictures SET place = nullif(imgsearch_place(latitude, longitude), 0) WHERE latitude IS NOT NULL AND longitude IS NOT NULL"); err != nil {
			return err
		}
		_, err := t.exec(ctx, "INSERT INTO meta(key, value) VALUES ('gazetteer', ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value", places.Version)
		return err
	})
}
