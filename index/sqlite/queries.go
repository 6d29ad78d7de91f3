package sqlite

import (
	"context"
	"database/sql"
	"encoding/binary"
	"math"
)

// maxQueries is the number of queries stored: about 30 MB for a model with 768 dimensions.
const maxQueries = 10_000

// Queries returns the stored vectors of texts.
func (s *Store) Queries(ctx context.Context, model string, texts []string) (map[string][]float32, error) {
	known := make(map[string][]float32)
	err := inChunks(texts, func(chunk []string) error {
		args := []any{model}
		for _, text := range chunk {
			args = append(args, text)
		}
		_, err := collect(ctx, s.read, `SELECT q.text, q.vector, m.dim FROM models m JOIN queries q ON q.model_id = m.id
			WHERE m.identity = ? AND q.text IN `+marks(len(chunk)), func(scan scanFunc) (struct{}, error) {
			var text string
			var raw []byte
			var dim int
			err := scan(&text, &raw, &dim)
			if err == nil && len(raw) == 4*dim {
				known[text] = unpackF32(raw)
			}
			return struct{}{}, err
		}, args...)
		return explain(err)
	})
	return known, err
}

func unpackF32(raw []byte) []float32 {
	v := make([]float32, len(raw)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return v
}

func packF32(v []float32) []byte {
	raw := make([]byte, 0, 4*len(v))
	for _, x := range v {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	return raw
}

// RememberQueries stores the vectors of texts. It writes on a separate connection, even if the index was opened for reading.
// If the index cannot be written, or another process is writing to it, nothing is stored.
func (s *Store) RememberQueries(ctx context.Context, model string, vectors map[string][]float32) error {
	db, err := s.queryWriter(ctx)
	if err != nil || db == nil {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return explain(err)
	}
	defer tx.Rollback() //nolint:errcheck // does nothing after Commit
	for text, v := range vectors {
		if err := rememberQuery(ctx, tx, model, text, packF32(v)); err != nil {
			return explain(err)
		}
	}
	return explain(tx.Commit())
}

// queryWriter returns the connection for storing queries, or nil if the index cannot be written.
func (s *Store) queryWriter(ctx context.Context) (*sql.DB, error) {
	if s.memory {
		return s.db, nil
	}
	s.writer.Lock()
	defer s.writer.Unlock()
	if s.writer.db != nil || !writable(s.path) {
		return s.writer.db, nil
	}
	// NORMAL: queries lost in a power cut are computed again.
	w, err := open(ctx, s.path, "_txlock=immediate", pragma("foreign_keys", "1"), pragma("synchronous", "NORMAL"), pragma("busy_timeout", "50"))
	if err != nil {
		return nil, err
	}
	if err := w.checkSchema(ctx); err != nil {
		return nil, w.Close() // the file was replaced by an index of another version
	}
	s.writer.db = w.db
	return w.db, nil
}

func rememberQuery(ctx context.Context, tx *sql.Tx, model, text string, raw []byte) error {
	res, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO queries(model_id, text, vector) SELECT id, ?, ? FROM models WHERE identity = ?", text, raw, model)
	if err != nil {
		return err
	}
	if id, err := res.LastInsertId(); err == nil && id > maxQueries {
		_, err = tx.ExecContext(ctx, "DELETE FROM queries WHERE id <= ?", id-maxQueries)
		return err
	}
	return nil
}
