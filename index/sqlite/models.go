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

// DefaultModel is the identity that index and search use when none is named; ok is false in an index without one.
func (s *Store) DefaultModel(ctx context.Context) (m Model, ok bool, err error) {
	m, err = scanModel(s.db.QueryRowContext(ctx, "SELECT "+modelColumns+` FROM models
		WHERE identity = (SELECT value FROM meta WHERE key = 'default_model')`).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return m, false, nil
	}
	return m, err == nil, explain(err)
}
