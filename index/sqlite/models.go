package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/imgsearch/imgsearch/index/internal/column"
	"github.com/imgsearch/imgsearch/index/store"
)

// Models returns all models.
func (s *Store) Models(ctx context.Context) (store.Models, error) { return models(ctx, s.read) }

func models(ctx context.Context, q querier) (store.Models, error) {
	list, err := collect(ctx, q, `SELECT m.identity, m.name, m.ref, m.dim, m.precision, m.calibration, c.embedded,
		CASE m.identity WHEN (SELECT value FROM meta WHERE key = 'default_model') THEN 'default' WHEN (SELECT value FROM meta WHERE key = 'wanted_model') THEN 'wanted' ELSE '' END
		FROM models m JOIN coverage c ON c.model_id = m.id ORDER BY m.id`, func(scan scanFunc) (m store.Model, err error) {
		var calibration []byte
		if err := scan(&m.Identity, &m.Name, &m.Ref, &m.Dim, &m.Precision, &calibration, &m.Embedded, &m.Role); err != nil {
			return m, err
		}
		m.Calibration, err = column.Calibration(calibration, m.Name)
		return m, err
	})
	return list, explain(err)
}

// PutModel finds or adds a model by its identity and updates its name and location.
func (s *Store) PutModel(ctx context.Context, m store.Model) (store.Model, error) {
	err := s.inTx(ctx, func(t *tx) error {
		if _, err := t.exec(ctx, `INSERT INTO models(identity, name, ref, dim, precision, created_at)
			VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT(identity) DO UPDATE SET name = excluded.name, ref = excluded.ref`,
			m.Identity, m.Name, m.Ref, m.Dim, m.Precision, time.Now().Unix()); err != nil {
			return err
		}
		if _, err := t.exec(ctx, "INSERT OR IGNORE INTO meta(key, value) VALUES ('default_model', ?)", m.Identity); err != nil {
			return err
		}
		all, err := models(ctx, t.tx)
		m, _ = all.ByIdentity(m.Identity)
		return err
	})
	if err != nil {
		return m, fmt.Errorf("register model: %w", err)
	}
	return m, nil
}

// SetRole makes a model the default or the wanted one.
func (s *Store) SetRole(ctx context.Context, identity string, role store.Role) error {
	key := map[store.Role]string{store.Default: "default_model", store.Wanted: "wanted_model"}[role]
	return s.inTx(ctx, func(t *tx) error {
		if err := t.putMeta(ctx, "wanted_model", ""); err != nil {
			return err
		}
		if err := t.putMeta(ctx, key, identity); err != nil {
			return err
		}
		_, err := t.exec(ctx, `DELETE FROM meta WHERE key = 'wanted_model' AND value = (SELECT value FROM meta WHERE key = 'default_model')`)
		return err
	})
}

// SetCalibration stores a model's calibration; nil deletes it.
func (s *Store) SetCalibration(ctx context.Context, identity string, c *store.Calibration) error {
	var data any
	if c != nil {
		text, err := json.Marshal(c)
		if err != nil {
			return fmt.Errorf("store the calibration: %w", err)
		}
		data = string(text)
	}
	err := s.inTx(ctx, func(t *tx) error {
		n, err := t.exec(ctx, "UPDATE models SET calibration = ? WHERE identity = ?", data, identity)
		if err == nil && n == 0 {
			err = store.ErrUnknownModel
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("store the calibration: %w", err)
	}
	return nil
}

// DropModel deletes a model and its vectors.
func (s *Store) DropModel(ctx context.Context, identity string) error {
	var n int64
	err := s.inTx(ctx, func(t *tx) (err error) {
		n, err = t.exec(ctx, "DELETE FROM models WHERE identity = ? AND identity IS NOT (SELECT value FROM meta WHERE key = 'default_model')", identity)
		if err != nil || n == 0 {
			return err
		}
		t.deletedVectors = true // its vector file is deleted too
		_, err = t.exec(ctx, "DELETE FROM meta WHERE key = 'wanted_model' AND value = ?", identity)
		return err
	})
	if err != nil {
		return fmt.Errorf("drop the vectors of a model: %w", err)
	}
	if n == 0 {
		return nil
	}
	return s.removeVectorFile(identity)
}
