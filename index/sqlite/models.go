package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Model is a model identity whose vectors the index holds.
type Model struct {
	ID       int64
	Identity string
	// Name is for people, Ref for --model.
	Name, Ref string
	Dim       int
	Precision string
}

const modelColumns = "id, identity, name, ref, dim, precision"

func scanModel(scan scanFunc) (Model, error) {
	var m Model
	err := scan(&m.ID, &m.Identity, &m.Name, &m.Ref, &m.Dim, &m.Precision)
	return m, err
}

// EnsureModel finds or adds the identity and remembers where the model lies now. The first one is the index's default.
func (s *Store) EnsureModel(ctx context.Context, m Model) (Model, error) {
	row := s.db.QueryRowContext(ctx, `INSERT INTO models(identity, name, ref, dim, precision, created_at)
		VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT(identity) DO UPDATE SET name = excluded.name, ref = excluded.ref
		RETURNING `+modelColumns, m.Identity, m.Name, m.Ref, m.Dim, m.Precision, time.Now().Unix())
	m, err := scanModel(row.Scan)
	if err != nil {
		return m, fmt.Errorf("register model: %w", explain(err))
	}
	_, err = s.db.ExecContext(ctx, "INSERT OR IGNORE INTO meta(key, value) VALUES ('default_model', ?)", m.Identity)
	return m, explain(err)
}

// Models returns all identities, the oldest first.
func (s *Store) Models(ctx context.Context) ([]Model, error) {
	return collect(ctx, s.db, "SELECT "+modelColumns+" FROM models ORDER BY id", scanModel)
}

// ModelByIdentity finds one identity.
func (s *Store) ModelByIdentity(ctx context.Context, identity string) (m Model, ok bool, err error) {
	m, err = scanModel(s.db.QueryRowContext(ctx, "SELECT "+modelColumns+" FROM models WHERE identity = ?", identity).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return m, false, nil
	}
	return m, err == nil, explain(err)
}

// DefaultModel is the identity that search uses when none is named; ok is false in an index without one.
func (s *Store) DefaultModel(ctx context.Context) (m Model, ok bool, err error) {
	return s.namedModel(ctx, "default_model")
}

// WantedModel is the identity that is to be the default when all pictures have its vectors; index uses it when none is
// named. ok is false where there is none.
func (s *Store) WantedModel(ctx context.Context) (m Model, ok bool, err error) {
	return s.namedModel(ctx, "wanted_model")
}

// SetDefaultModel makes an identity the default at once; none is wanted then.
func (s *Store) SetDefaultModel(ctx context.Context, identity string) error {
	return s.setModels(ctx, "default_model", identity)
}

// SetWantedModel makes an identity the default to be. The default of now may be given too, which ends the waiting.
func (s *Store) SetWantedModel(ctx context.Context, identity string) error {
	return s.setModels(ctx, "wanted_model", identity)
}

func (s *Store) setModels(ctx context.Context, key, identity string) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return explain(err)
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it has nothing to do
	for _, step := range []struct {
		stmt string
		args []any
	}{
		{"DELETE FROM meta WHERE key = 'wanted_model'", nil},
		{"INSERT INTO meta(key, value) VALUES (?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value", []any{key, identity}},
		{`DELETE FROM meta WHERE key = 'wanted_model' AND value = (SELECT value FROM meta WHERE key = 'default_model')`, nil},
	} {
		if _, err := tx.ExecContext(ctx, step.stmt, step.args...); err != nil {
			return explain(err)
		}
	}
	return explain(tx.Commit())
}

// DropModel removes an identity with its vectors. The default cannot be dropped.
func (s *Store) DropModel(ctx context.Context, m Model) error {
	_, err := s.db.ExecContext(ctx, `DELETE FROM models WHERE id = ? AND identity IS NOT (SELECT value FROM meta WHERE key = 'default_model')`, m.ID)
	if err != nil {
		return fmt.Errorf("drop the vectors of model %s: %w", m.Name, explain(err))
	}
	_, err = s.db.ExecContext(ctx, "DELETE FROM meta WHERE key = 'wanted_model' AND value = ?", m.Identity)
	return explain(err)
}

// Coverage tells how many pictures have a file, and how many of them a vector of the model.
func (s *Store) Coverage(ctx context.Context, modelID int64) (have, all int, err error) {
	query := "SELECT coalesce(max(pictures), 0), coalesce(max(embedded), 0) FROM coverage WHERE model_id = ?"
	if s.schema < schemaSearch {
		query = `SELECT (SELECT count(DISTINCT content_id) FROM files),
			(SELECT count(*) FROM embeddings e WHERE e.model_id = ? AND EXISTS (SELECT 1 FROM files f WHERE f.content_id = e.content_id))`
	}
	err = s.db.QueryRowContext(ctx, query, modelID).Scan(&all, &have)
	return have, all, explain(err)
}

// schemaSearch is the first version with numbered vectors, remembered queries and counts.
const schemaSearch = 2

// schemaLabels is the first version with labels, twins, lenses and previews.
const schemaLabels = 3

func (s *Store) namedModel(ctx context.Context, key string) (m Model, ok bool, err error) {
	m, err = scanModel(s.db.QueryRowContext(ctx, "SELECT "+modelColumns+` FROM models
		WHERE identity = (SELECT value FROM meta WHERE key = ?)`, key).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return m, false, nil
	}
	return m, err == nil, explain(err)
}
