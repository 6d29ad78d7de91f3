package sqlite

import (
	"context"
	"database/sql"
	"encoding/binary"
	"hash/crc32"
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
			if v := unpackQuery(text, raw); err == nil && len(v) == dim {
				known[text] = v
			}
			return struct{}{}, err
		}, args...)
		return explain(err)
	})
	return known, err
}

// A stored query is its vector and a checksum of the text and the vector: a damaged one is not an answer, and is computed again.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func packQuery(text string, v []float32) []byte {
	raw := make([]byte, 0, 4*len(v)+crc32.Size)
	for _, x := range v {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
	}
	return binary.LittleEndian.AppendUint32(raw, querySum(text, raw))
}

func querySum(text string, vector []byte) uint32 {
	return crc32.Update(crc32.Checksum([]byte(text), castagnoli), castagnoli, vector)
}

// unpackQuery returns the vector of a stored query, nil if it is damaged, or was stored without a checksum.
func unpackQuery(text string, raw []byte) []float32 {
	n := len(raw) - crc32.Size
	if n < 0 || n%4 != 0 || binary.LittleEndian.Uint32(raw[n:]) != querySum(text, raw[:n]) {
		return nil
	}
	v := make([]float32, n/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return v
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
		if err := rememberQuery(ctx, tx, model, text, packQuery(text, v)); err != nil {
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
