package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/imgsearch/imgsearch/index/internal/column"
	"github.com/imgsearch/imgsearch/index/store"
)

// tx is a transaction. It must not be used concurrently.
type tx struct {
	tree

	s     *Store
	tx    *sql.Tx
	stmts map[string]*sql.Stmt
	roots map[store.RootID]int64
	words map[column.Word]int64
	disks map[rootDisk]int64
	// pictures are the row ids of the pictures that were added or looked up.
	pictures map[store.PictureID]int64
	// dirty are the pictures whose files have changed. If orphans is set, any other picture may have lost its last file.
	dirty   map[int64]bool
	orphans bool
	// forget is set when vectors were deleted, which makes all vector files stale.
	forget bool
	// deletedVectors is set when vectors of one model were deleted, which makes that model's vector file stale:
	// all processes then reload the vectors that they have cached.
	deletedVectors bool
}

// Begin starts a write transaction.
func (s *Store) Begin(ctx context.Context) (store.Tx, error) { return s.begin(ctx) }

func (s *Store) begin(ctx context.Context) (*tx, error) {
	t, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("write the index: %w", explain(err))
	}
	return &tx{
		tree: tree{s, t}, s: s, tx: t, stmts: make(map[string]*sql.Stmt), roots: make(map[store.RootID]int64), words: make(map[column.Word]int64),
		disks: make(map[rootDisk]int64), pictures: make(map[store.PictureID]int64), dirty: make(map[int64]bool),
	}, nil
}

// inTx runs work in a transaction.
func (s *Store) inTx(ctx context.Context, work func(*tx) error) error {
	t, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer t.Rollback()
	if err := work(t); err != nil {
		return err
	}
	return t.Commit(ctx)
}

// Commit updates the pictures' derived metadata and makes the transaction durable.
func (t *tx) Commit(ctx context.Context) error {
	if err := t.deriveDirty(ctx); err != nil {
		return err
	}
	if t.forget {
		if _, err := t.exec(ctx, "DELETE FROM flat_files"); err != nil {
			return err
		}
	}
	if t.forget || t.deletedVectors {
		if err := t.newGeneration(ctx); err != nil {
			return err
		}
	}
	defer t.forgetNames()
	if err := t.tx.Commit(); err != nil {
		return fmt.Errorf("write the index: %w", explain(err))
	}
	return nil
}

// Rollback discards uncommitted changes; after Commit it does nothing.
func (t *tx) Rollback() {
	_ = t.tx.Rollback()
	t.forgetNames()
}

// forgetNames clears the caches of roots and disks: they may hold entries read inside the transaction,
// or earlier entries that the transaction has made obsolete.
func (t *tx) forgetNames() {
	t.s.forgetRoots()
	t.s.forgetDisks()
}

func (t *tx) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt, ok := t.stmts[query]; ok {
		return stmt, nil
	}
	stmt, err := t.tx.PrepareContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("write the index: %w", explain(err))
	}
	t.stmts[query] = stmt
	return stmt, nil
}

func (t *tx) exec(ctx context.Context, query string, args ...any) (affected int64, err error) {
	stmt, err := t.prepared(ctx, query) //nolint:sqlclosecheck // the transaction closes it
	if err != nil {
		return 0, err
	}
	res, err := stmt.ExecContext(ctx, args...)
	if err != nil {
		return 0, fmt.Errorf("write the index: %w", explain(err))
	}
	return res.RowsAffected()
}

// number runs a query and returns its single integer result, or 0 if there is no row.
func (t *tx) number(ctx context.Context, query string, args ...any) (n int64, err error) {
	stmt, err := t.prepared(ctx, query) //nolint:sqlclosecheck // the transaction closes it
	if err != nil {
		return 0, err
	}
	err = stmt.QueryRowContext(ctx, args...).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("write the index: %w", explain(err))
	}
	return n, nil
}

// rootNumber returns the row id of a root. If there is no such root, the error is ErrNoRoot.
func (t *tx) rootNumber(ctx context.Context, root store.RootID) (int64, error) {
	if id, ok := t.roots[root]; ok {
		return id, nil
	}
	id, err := t.number(ctx, "SELECT id FROM roots WHERE uid = ?", string(root))
	if err == nil && id == 0 {
		err = fmt.Errorf("root %q is %w", root, store.ErrNoRoot)
	}
	if err != nil {
		return 0, err
	}
	t.roots[root] = id
	return id, nil
}

// at returns the values of the columns root_id, dir and name.
func (t *tx) at(ctx context.Context, p store.Place) ([]any, error) {
	root, err := t.rootNumber(ctx, p.Root)
	return []any{root, []byte(p.Dir), []byte(p.Name)}, err
}

// wordNumber returns the row id of a word, which it adds if necessary; NULL if its text is "".
func (t *tx) wordNumber(ctx context.Context, w column.Word) (any, error) {
	if w.Text == "" {
		return nil, nil //nolint:nilnil // NULL
	}
	if id, ok := t.words[w]; ok {
		return id, nil
	}
	id, err := t.number(ctx, "SELECT id FROM words WHERE kind = ? AND text = ?", w.Kind, w.Text)
	if err == nil && id == 0 {
		id, err = t.number(ctx, "INSERT INTO words(kind, text, folded) VALUES (?, ?, ?) RETURNING id", w.Kind, w.Text, store.Fold(w.Text))
	}
	if err != nil {
		return nil, err
	}
	t.words[w] = id
	return id, nil
}
