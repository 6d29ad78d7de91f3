package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Root is a folder that was given to index.
type Root struct {
	ID   int64
	Path string
	// Walked tells a folder that is indexed whole; otherwise it is the home of single files that were named outright.
	Walked bool
}

// ErrNoRoot is a folder that is no root of the index.
var ErrNoRoot = errors.New("not a root of the index")

// Roots returns all roots by path.
func (s *Store) Roots(ctx context.Context) ([]Root, error) {
	return collect(ctx, s.db, "SELECT id, path, walked FROM roots ORDER BY path", func(scan scanFunc) (Root, error) {
		var r Root
		var path []byte
		err := scan(&r.ID, &path, &r.Walked)
		r.Path = string(path)
		return r, err
	})
}

// AddRoot adds a root, or makes an existing one walked.
func (s *Store) AddRoot(ctx context.Context, path string, walked bool) (Root, error) {
	r := Root{Path: path}
	err := s.db.QueryRowContext(ctx, `INSERT INTO roots(path, walked, added_at) VALUES (?, ?, ?)
		ON CONFLICT(path) DO UPDATE SET walked = max(walked, excluded.walked) RETURNING id, walked`,
		[]byte(path), walked, time.Now().Unix()).Scan(&r.ID, &r.Walked)
	if err != nil {
		return r, fmt.Errorf("add root %q: %w", path, explain(err))
	}
	return r, nil
}

// Absorb makes the files of inner, a root that lies at rel below outer, files of outer.
func (s *Store) Absorb(ctx context.Context, outer, inner Root, rel string) error {
	b, err := s.Begin(ctx)
	if err != nil {
		return err
	}
	defer b.Rollback()
	tx := b.tx
	for _, table := range []string{"files", "failures", "suspects"} {
		// A row that outer has already is the same file.
		_, err := tx.ExecContext(ctx, `UPDATE OR IGNORE `+table+` SET root_id = ?,
			dir = CASE WHEN length(dir) = 0 THEN ? ELSE CAST(? || '/' || dir AS BLOB) END WHERE root_id = ?`,
			outer.ID, []byte(rel), []byte(rel), inner.ID)
		if err != nil {
			return explain(err)
		}
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM roots WHERE id = ?", inner.ID); err != nil {
		return explain(err)
	}
	if err := b.MarkOrphans(ctx); err != nil {
		return err
	}
	return b.Commit()
}

// RemoveRoot forgets a root and its files. The vectors of contents without another file stay for a while, as those of
// any file that went. It returns how many files were forgotten.
func (s *Store) RemoveRoot(ctx context.Context, path string) (files int64, err error) {
	b, err := s.Begin(ctx)
	if err != nil {
		return 0, err
	}
	defer b.Rollback()
	var id int64
	if err := b.tx.QueryRowContext(ctx, "SELECT id FROM roots WHERE path = ?", []byte(path)).Scan(&id); err != nil {
		return 0, fmt.Errorf("%q is %w", path, ErrNoRoot)
	}
	res, err := b.tx.ExecContext(ctx, "DELETE FROM files WHERE root_id = ?", id)
	if err != nil {
		return 0, explain(err)
	}
	if files, err = res.RowsAffected(); err != nil {
		return 0, err
	}
	if _, err := b.tx.ExecContext(ctx, "DELETE FROM roots WHERE id = ?", id); err != nil {
		return 0, explain(err)
	}
	if err := b.MarkOrphans(ctx); err != nil {
		return 0, err
	}
	return files, b.Commit()
}

// MoveRoot gives a root another path: its files are the same, elsewhere.
func (s *Store) MoveRoot(ctx context.Context, old, path string) error {
	res, err := s.db.ExecContext(ctx, "UPDATE roots SET path = ? WHERE path = ?", []byte(path), []byte(old))
	if err != nil {
		return fmt.Errorf("move root %q: %w", old, explain(err))
	}
	if n, err := res.RowsAffected(); err == nil && n == 0 {
		return fmt.Errorf("%q is %w", old, ErrNoRoot)
	}
	return nil
}
