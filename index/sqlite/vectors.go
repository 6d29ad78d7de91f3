package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/imgsearch/imgsearch/index/flat"
	"github.com/imgsearch/imgsearch/index/store"
)

// A model's vectors are also stored in a file next to the index. One number identifies each row of the file:
// the picture's row id in the low bits, and the moment's number above them.
const pictureBits = 44

func rowOf(picture int64, moment int) int64 { return picture | int64(moment)<<pictureBits }

func pictureOf(row int64) int64 { return row & (1<<pictureBits - 1) }

func momentOf(row int64) int { return int(row >> pictureBits) }

// flatPath returns the path of a model's vector file: for an index NAME.db it is in the folder NAME.vectors.
func (s *Store) flatPath(identity string) string {
	return filepath.Join(strings.TrimSuffix(s.path, ".db")+".vectors", identity[:min(len(identity), 32)]+".f16")
}

// removeVectorFile removes a model's vector file.
func (s *Store) removeVectorFile(identity string) error {
	if s.memory {
		return nil
	}
	if err := s.vectors.close(); err != nil { // some systems cannot delete a mapped file
		return err
	}
	s.vectors.mu.Lock()
	delete(s.vectors.dropped, identity)
	s.vectors.mu.Unlock()
	path := s.flatPath(identity)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	_ = os.Remove(filepath.Dir(path)) // succeeds only if it is empty
	return nil
}

// RebuildSearch rebuilds the vector files of all models.
func (s *Store) RebuildSearch(ctx context.Context) error {
	all, err := s.Models(ctx)
	if err != nil {
		return err
	}
	for _, m := range all {
		if err := s.removeVectorFile(m.Identity); err != nil {
			return err
		}
		if err := s.PrepareSearch(ctx, m.Identity); err != nil {
			return fmt.Errorf("rebuild the vectors of %s: %w", m.Name, err)
		}
	}
	return s.checkpoint(ctx)
}

// vectorsAfter calls each with a model's vectors after a sequence number, in order. The bytes are valid only during the call.
// The plus stops the planner from using the index on models, because then it would read and sort all rows of the model.
func (s *Store) vectorsAfter(ctx context.Context, model, seq int64, each func(seq, row int64, vector []byte) error) error {
	rows, err := s.read.QueryContext(ctx, "SELECT seq, picture_id, moment, vector FROM embeddings WHERE +model_id = ? AND seq > ? ORDER BY seq", model, seq)
	if err != nil {
		return explain(err)
	}
	defer rows.Close()
	for rows.Next() {
		var number, id int64
		var moment int
		var vector sql.RawBytes
		if err := rows.Scan(&number, &id, &moment, &vector); err != nil {
			return explain(err)
		}
		if err := each(number, rowOf(id, moment), vector); err != nil {
			return err
		}
	}
	return explain(rows.Err())
}

// flatFile returns the stamp of a model's vector file as recorded in the index; ok is false if there is none.
func (s *Store) flatFile(ctx context.Context, model int64) (f flat.Stamp, ok bool, err error) {
	var token int64
	err = s.read.QueryRowContext(ctx, "SELECT token, seq, rows FROM flat_files WHERE model_id = ?", model).Scan(&token, &f.Seq, &f.Rows)
	if errors.Is(err, sql.ErrNoRows) {
		return f, false, nil
	}
	f.Token = uint64(token)
	return f, err == nil, explain(err)
}

// newGeneration invalidates the vectors that processes have cached.
func (t *tx) newGeneration(ctx context.Context) error {
	_, err := t.exec(ctx, "INSERT INTO meta(key, value) VALUES ('generation', 1) ON CONFLICT(key) DO UPDATE SET value = value + 1")
	return err
}

// maxDead is the largest share of a file's rows that may belong to vectors no longer in the index; above it, the file is rebuilt.
const maxDead = 0.1

// PrepareSearch adds to the model's vector file the vectors that are new in the index.
func (s *Store) PrepareSearch(ctx context.Context, model string) error {
	if s.onNetwork() {
		return nil // files are not mapped there
	}
	id, err := modelID(ctx, s.read, model)
	if err != nil || id == 0 {
		return err
	}
	var last int64
	if err := s.read.QueryRowContext(ctx, "SELECT coalesce(max(seq), 0) FROM embeddings").Scan(&last); err != nil || last == 0 {
		return explain(err)
	}
	have, ok, err := s.flatFile(ctx, id)
	if err != nil {
		return err
	}
	dead, err := s.tooManyDead(ctx, id, have.Rows)
	if err != nil {
		return err
	}
	var dim int
	if err := s.read.QueryRowContext(ctx, "SELECT dim FROM models WHERE id = ?", id).Scan(&dim); err != nil {
		return explain(err)
	}
	usable, damaged := ok && have.Seq <= last && !dead, false
	if usable {
		usable, damaged = verifyVectors(s.flatPath(model), dim, have)
	}
	w, after, err := openVectors(s.flatPath(model), dim, have, usable, last)
	if err != nil {
		return fmt.Errorf("%w: %w", store.ErrSlowSearch, err)
	}
	if w == nil {
		return nil
	}
	var full error
	var unfit []int64
	err = s.vectorsAfter(ctx, id, after, func(number, row int64, vector []byte) error {
		after = number
		if !isFit(vector, dim) {
			unfit = append(unfit, number)
			return nil
		}
		full = w.Add(row, vector)
		return full
	})
	if err != nil {
		w.Abort()
		if full == nil {
			return err
		}
		return fmt.Errorf("%w: %w", store.ErrSlowSearch, full)
	}
	stamp, err := w.Commit(rand.Uint64(), max(after, last)) // later vectors belong to other models
	if err != nil {
		return fmt.Errorf("%w: %w", store.ErrSlowSearch, err)
	}
	_, err = s.db.ExecContext(ctx, "INSERT OR REPLACE INTO flat_files(model_id, token, seq, rows) VALUES (?, ?, ?, ?)", id, int64(stamp.Token), stamp.Seq, stamp.Rows)
	if err != nil {
		return explain(err)
	}
	if err := s.deleteVectors(ctx, unfit); err != nil {
		return err
	}
	if damaged || len(unfit) > 0 {
		return &store.RepairedError{Rebuilt: damaged, Deleted: len(unfit)}
	}
	return nil
}

// deleteVectors deletes vectors that no vector file has, by their sequence numbers.
func (s *Store) deleteVectors(ctx context.Context, seqs []int64) error {
	if len(seqs) == 0 {
		return nil
	}
	return s.inTx(ctx, func(t *tx) error {
		t.deletedVectors = true
		for _, seq := range seqs {
			if _, err := t.exec(ctx, "DELETE FROM embeddings WHERE seq = ?", seq); err != nil {
				return err
			}
		}
		return nil
	})
}

// verifyVectors reports whether a vector file is what was written, and whether it is damaged: one that is missing or of an earlier state is
// neither, since nobody used it.
func verifyVectors(path string, dim int, have flat.Stamp) (intact, damaged bool) {
	f, err := flat.Open(path, dim, have)
	if err != nil {
		return false, false
	}
	defer f.Close() //nolint:errcheck // it was only read
	err = f.Verify()
	return err == nil, errors.Is(err, flat.ErrDamaged)
}

// tooManyDead reports whether many of the file's rows belong to vectors that the index no longer has.
func (s *Store) tooManyDead(ctx context.Context, model, rows int64) (bool, error) {
	var n int64
	err := s.read.QueryRowContext(ctx, "SELECT coalesce(max(embedded), 0) FROM coverage WHERE model_id = ?", model).Scan(&n)
	if err != nil || float64(rows-n) <= maxDead*float64(rows) {
		return false, explain(err)
	}
	err = s.read.QueryRowContext(ctx, "SELECT count(*) FROM embeddings WHERE model_id = ?", model).Scan(&n) // those without a file are kept for a while
	return float64(rows-n) > maxDead*float64(rows), explain(err)
}

// openVectors opens a vector file, the existing one or a new one, for adding the vectors after a sequence number.
// It returns a nil writer if no vectors are missing.
func openVectors(path string, dim int, have flat.Stamp, usable bool, last int64) (w *flat.Writer, after int64, err error) {
	if usable && have.Seq == last {
		return nil, 0, nil
	}
	if usable {
		if w, err = flat.Append(path, dim, have); !errors.Is(err, flat.ErrStale) {
			return w, have.Seq, err
		}
	}
	w, err = flat.Create(path, dim)
	return w, 0, err
}
