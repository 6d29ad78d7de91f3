package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/imgsearch/imgsearch/index/internal/column"
	"github.com/imgsearch/imgsearch/index/store"
)

// Models returns all models.
func (s *Store) Models(ctx context.Context) (store.Models, error) { return models(ctx, s.db) }

func models(ctx context.Context, q querier) (store.Models, error) {
	return collect(ctx, q, `SELECT m.identity, m.name, m.ref, m.dim, m.precision, m.calibration, m.embedded,
		CASE m.identity WHEN (SELECT value FROM meta WHERE key = 'default_model') THEN 'default' WHEN (SELECT value FROM meta WHERE key = 'wanted_model') THEN 'wanted' ELSE '' END
		FROM models m ORDER BY m.id`, func(scan scanFunc) (m store.Model, err error) {
		var calibration []byte
		if err := scan(&m.Identity, &m.Name, &m.Ref, &m.Dim, &m.Precision, &calibration, &m.Embedded, &m.Role); err != nil {
			return m, err
		}
		m.Calibration, err = column.Calibration(calibration, m.Name)
		return m, err
	})
}

// modelRow is what statements need to know of a model. A zero id means that the index does not have the model.
type modelRow struct {
	id, dim  int32
	vectors  int64
	embedded int64
	sum      []float64
}

func modelOf(ctx context.Context, q querier, identity string) (m modelRow, err error) {
	err = each(ctx, q, "SELECT id, dim, vectors, embedded, sum FROM models WHERE identity = $1", func(scan scanFunc) error {
		return scan(&m.id, &m.dim, &m.vectors, &m.embedded, &m.sum)
	}, identity)
	return m, err
}

// PutModel finds or adds a model by its identity and updates its name and location.
func (s *Store) PutModel(ctx context.Context, m store.Model) (store.Model, error) {
	err := s.inTx(ctx, func(t *tx) error {
		_, known, err := value[int32](ctx, t.tx, "UPDATE models SET name = $2, ref = $3 WHERE identity = $1 RETURNING id", m.Identity, m.Name, m.Ref)
		if err != nil {
			return err
		}
		if !known {
			id, _, err := value[int32](ctx, t.tx, "INSERT INTO models(identity, name, ref, dim, precision, created_at) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
				m.Identity, m.Name, m.Ref, m.Dim, m.Precision, time.Now().Unix())
			if err != nil {
				return err
			}
			if err := t.makePartitions(ctx, id); err != nil {
				return err
			}
		}
		if err := t.exec(ctx, "INSERT INTO meta(key, value) VALUES ('default_model', $1) ON CONFLICT DO NOTHING", m.Identity); err != nil {
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

// partitions is the number of parts into which a model's vectors are divided by picture. Each has an index of its own for approximate searches, which
// is built and vacuumed by itself; a search reads all of them, and finds more of the nearest than one index does in the same time
// (docs/benchmarks.md#postgresql).
const partitions = 8

// partition returns the name of a part of a model's vectors.
func partition(model int32, part int) string {
	return "vectors_" + strconv.Itoa(int(model)) + "_" + strconv.Itoa(part)
}

// makePartitions makes the partitions for a model's vectors.
func (t *tx) makePartitions(ctx context.Context, model int32) error {
	name := "vectors_" + strconv.Itoa(int(model))
	// Attaching a table that is known to fit does not wait for searches, and lets none wait.
	if err := t.exec(ctx, fmt.Sprintf("CREATE TABLE %s (LIKE vectors INCLUDING DEFAULTS, CHECK (model_id = %d)) PARTITION BY HASH (picture_id)", name, model)); err != nil {
		return err
	}
	for part := range partitions {
		leaf := partition(model, part)
		if err := t.exec(ctx, fmt.Sprintf("CREATE TABLE %s PARTITION OF %s FOR VALUES WITH (MODULUS %d, REMAINDER %d)", leaf, name, partitions, part)); err != nil {
			return err
		}
		// A vector stays in its row, since searches read all of them. It is never compressed: it is incompressible.
		if err := t.exec(ctx, "ALTER TABLE "+leaf+" ALTER COLUMN v SET STORAGE PLAIN"); err != nil {
			return err
		}
	}
	return t.exec(ctx, fmt.Sprintf("ALTER TABLE vectors ATTACH PARTITION %s FOR VALUES IN (%d)", name, model))
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
		return t.exec(ctx, "DELETE FROM meta WHERE key = 'wanted_model' AND value = (SELECT value FROM meta WHERE key = 'default_model')")
	})
}

// SetCalibration stores a model's calibration; nil deletes it.
func (s *Store) SetCalibration(ctx context.Context, identity string, c *store.Calibration) error {
	var data *string
	if c != nil {
		text, err := json.Marshal(c)
		if err != nil {
			return fmt.Errorf("store the calibration: %w", err)
		}
		data = new(string(text))
	}
	err := s.inTx(ctx, func(t *tx) error {
		_, ok, err := value[int32](ctx, t.tx, "UPDATE models SET calibration = $1 WHERE identity = $2 RETURNING id", data, identity)
		if err == nil && !ok {
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
	var id int32
	var ok bool
	err := s.inTx(ctx, func(t *tx) (err error) {
		id, ok, err = value[int32](ctx, t.tx, "DELETE FROM models WHERE identity = $1 AND identity IS DISTINCT FROM (SELECT value FROM meta WHERE key = 'default_model') RETURNING id", identity)
		if err != nil || !ok {
			return err
		}
		return t.exec(ctx, "DELETE FROM meta WHERE key = 'wanted_model' AND value = $1", identity)
	})
	if err == nil && ok {
		err = s.dropPartitions(ctx, id)
	}
	if err != nil {
		return fmt.Errorf("drop the vectors of a model: %w", err)
	}
	return nil
}

// dropPartitions drops the vectors of a model that is no longer in the index. It waits for the searches that read them, and lets none wait.
func (s *Store) dropPartitions(ctx context.Context, model int32) error {
	name := "vectors_" + strconv.Itoa(int(model))
	for _, stmt := range []string{"ALTER TABLE vectors DETACH PARTITION " + name + " CONCURRENTLY", "DROP TABLE " + name} {
		if _, err := s.db.Exec(ctx, stmt, pgx.QueryExecModeSimpleProtocol); err != nil {
			return explain(err)
		}
	}
	return nil
}
