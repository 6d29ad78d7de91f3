package sqlite

import (
	"context"

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
	version, err := metaValue(ctx, s.read, "gazetteer")
	if err != nil || version == places.Version {
		return err
	}
	return s.inTx(ctx, func(t *tx) error {
		if _, err := t.exec(ctx, "UPDATE pictures SET place = nullif(imgsearch_place(latitude, longitude), 0) WHERE latitude IS NOT NULL AND longitude IS NOT NULL"); err != nil {
			return err
		}
		return t.putMeta(ctx, "gazetteer", places.Version)
	})
}
