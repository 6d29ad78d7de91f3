package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/imgsearch/imgsearch/index/store"
)

// metaValue returns a value of the table meta, "" if there is none.
func metaValue(ctx context.Context, q querier, key string) (value string, err error) {
	err = q.QueryRowContext(ctx, "SELECT value FROM meta WHERE key = ?", key).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return value, explain(err)
}

// putMeta sets a value of the table meta; "" deletes it.
func (t *tx) putMeta(ctx context.Context, key, value string) error {
	if value == "" {
		_, err := t.exec(ctx, "DELETE FROM meta WHERE key = ?", key)
		return err
	}
	_, err := t.exec(ctx, "INSERT INTO meta(key, value) VALUES (?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value", key, value)
	return err
}

// settingKey is the key of a setting in the table meta.
func settingKey(s store.Setting) string { return "setting_" + string(s) }

// Setting returns a setting of the index.
func (s *Store) Setting(ctx context.Context, name store.Setting) (string, error) {
	return metaValue(ctx, s.read, settingKey(name))
}

// SetSetting sets a setting of the index.
func (s *Store) SetSetting(ctx context.Context, name store.Setting, value string) error {
	if err := s.inTx(ctx, func(t *tx) error { return t.putMeta(ctx, settingKey(name), value) }); err != nil {
		return fmt.Errorf("set %s: %w", name, err)
	}
	return nil
}
