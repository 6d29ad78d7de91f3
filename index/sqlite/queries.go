package sqlite

import (
	"context"
	"database/sql"
	"errors"
)

// maxQueries is how many queries are remembered: some 30 MB for a model of 768 dimensions.
const maxQueries = 10_000

// Query returns the vector of a query that was asked before; ok is false where it was not.
func (s *Store) Query(ctx context.Context, modelID int64, text string) (vector []byte, ok bool, err error) {
	if s.schema < schemaSearch {
		return nil, false, nil
	}
	err = s.db.QueryRowContext(ctx, "SELECT vector FROM queries WHERE model_id = ? AND text = ?", modelID, text).Scan(&vector)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	return vector, err == nil, explain(err)
}

// RememberQuery keeps a query's vector, the oldest ones give way. It opens the index at path for that moment only, and
// waits for nobody: an index that is being written to, cannot be written to, or is of another version is left as it is.
func RememberQuery(ctx context.Context, path string, m Model, text string, vector []byte) error {
	if !writable(path) {
		return nil
	}
	// NORMAL: what a power cut takes is asked again.
	s, err := open(ctx, path, "_txlock=immediate", pragma("foreign_keys", "1"), pragma("synchronous", "NORMAL"), pragma("busy_timeout", "50"))
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.checkSchema(ctx); err != nil {
		return nil // an index of another version: nothing to remember it in
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return explain(err)
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it has nothing to do
	// By the identity too: the index may have been replaced since the model was looked up.
	res, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO queries(model_id, text, vector) SELECT id, ?, ? FROM models WHERE id = ? AND identity = ?", text, vector, m.ID, m.Identity)
	if err != nil {
		return explain(err)
	}
	if id, err := res.LastInsertId(); err == nil && id > maxQueries {
		if _, err := tx.ExecContext(ctx, "DELETE FROM queries WHERE id <= ?", id-maxQueries); err != nil {
			return explain(err)
		}
	}
	return explain(tx.Commit())
}
