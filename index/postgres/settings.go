package postgres

import (
	"context"
	"fmt"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/places"
)

// gazetteerKey is the key of the gazetteer's version with which the places of pictures were found.
const gazetteerKey = "gazetteer"

// metaValue returns a value of the table meta, "" if there is none.
func metaValue(ctx context.Context, q querier, key string) (string, error) {
	v, _, err := value[string](ctx, q, "SELECT value FROM meta WHERE key = $1", key)
	return v, err
}

// putMeta sets a value of the table meta; "" deletes it.
func (t *tx) putMeta(ctx context.Context, key, value string) error {
	if value == "" {
		return t.exec(ctx, "DELETE FROM meta WHERE key = $1", key)
	}
	return t.exec(ctx, "INSERT INTO meta(key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value", key, value)
}

func settingKey(s store.Setting) string { return "setting_" + string(s) }

// Setting returns a setting of the index.
func (s *Store) Setting(ctx context.Context, name store.Setting) (string, error) {
	return metaValue(ctx, s.db, settingKey(name))
}

// SetSetting sets a setting of the index.
func (s *Store) SetSetting(ctx context.Context, name store.Setting, value string) error {
	if err := s.inTx(ctx, func(t *tx) error { return t.putMeta(ctx, settingKey(name), value) }); err != nil {
		return fmt.Errorf("set %s: %w", name, err)
	}
	return nil
}

// placeOf returns the value of the column place for a position.
func placeOf(p *store.Position) *int32 {
	if p == nil {
		return nil
	}
	if id := places.NearestID(p.Latitude, p.Longitude); id != 0 {
		return new(int32(id))
	}
	return nil
}

// UpdatePlaces finds the places of all pictures again if they were found with another version of the gazetteer. The caller holds the lock.
func (s *Store) UpdatePlaces(ctx context.Context) error {
	version, err := metaValue(ctx, s.db, gazetteerKey)
	if err != nil || version == places.Version {
		return err
	}
	return s.inTx(ctx, func(t *tx) error {
		var rows []int64
		var found []*int32
		if err := each(ctx, t.tx, "SELECT id, latitude, longitude FROM pictures WHERE latitude IS NOT NULL AND longitude IS NOT NULL", func(scan scanFunc) error {
			var id int64
			var p store.Position
			err := scan(&id, &p.Latitude, &p.Longitude)
			rows, found = append(rows, id), append(found, placeOf(&p))
			return err
		}); err != nil {
			return err
		}
		if err := t.exec(ctx, "UPDATE pictures p SET place = n.place FROM unnest($1::bigint[], $2::integer[]) AS n(id, place) WHERE n.id = p.id AND p.place IS DISTINCT FROM n.place", rows, found); err != nil {
			return err
		}
		return t.putMeta(ctx, gazetteerKey, places.Version)
	})
}
