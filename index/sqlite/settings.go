package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/imgsearch/imgsearch/index/store"
)

// settingKey is the key of a setting in the table meta.
func settingKey(s store.Setting) string { return "setting_" + string(s) }

// Setting returns a setting of the index.
func (s *Store) Setting(ctx context.Context, name store.Setting) (value string, err error) {
	err = s.read.QueryRowContext(ctx, "SELECT value FROM meta WHERE key = ?", settingKey(name)).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return value, explain(err)
}

// SetSetting sets a setting of the index.
func (s *Store) SetSetting(ctx context.Context, name store.Setting, value string) error {
	err := s.inTx(ctx, func(t *tx) error {
		if value == "" {
			_, err := t.exec(ctx, "DELETE FROM meta WHERE key = ?", settingKey(name))
			return err
		}
		_, err := t.exec(ctx, "INSERT INTO meta(key, value) VALUES (?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value", settingKey(name), value)
		return err
	})
	if err != nil {
		return fmt.Errorf("set %s: %w", name, err)
	}
	return nil
}
