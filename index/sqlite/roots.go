package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
)

// Roots returns all roots, sorted by path.
func (s *Store) Roots(ctx context.Context) ([]store.Root, error) {
	list, err := collect(ctx, s.read, "SELECT r.uid, m.path, r.walked, r.files, r.bytes FROM roots r JOIN mounts m ON m.root_id = r.id ORDER BY m.path",
		func(scan scanFunc) (r store.Root, err error) {
			var path []byte
			err = scan(&r.ID, &path, &r.Walked, &r.Files, &r.Bytes)
			r.Path = string(path)
			return r, err
		})
	return list, explain(err)
}

// AddRoot adds a root, or marks an existing one as walked if walked is set.
func (s *Store) AddRoot(ctx context.Context, path string, walked bool) (r store.Root, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		id, err := t.mounted(ctx, path)
		if err != nil {
			return err
		}
		if id == 0 {
			if err := t.tx.QueryRowContext(ctx, "INSERT INTO roots(uid, walked, added_at) VALUES (?, ?, ?) RETURNING id",
				string(store.NewRootID()), walked, time.Now().Unix()).Scan(&id); err != nil {
				return explain(err)
			}
			if _, err := t.exec(ctx, "INSERT INTO mounts(root_id, path) VALUES (?, ?)", id, []byte(path)); err != nil {
				return err
			}
		} else if _, err := t.exec(ctx, "UPDATE roots SET walked = max(walked, ?) WHERE id = ?", walked, id); err != nil {
			return err
		}
		r.Path = path
		return explain(t.tx.QueryRowContext(ctx, "SELECT uid, walked, files, bytes FROM roots WHERE id = ?", id).Scan(&r.ID, &r.Walked, &r.Files, &r.Bytes))
	})
	if err != nil {
		return r, fmt.Errorf("add root %q: %w", path, err)
	}
	return r, nil
}

// mounted returns the row id of the root at a path, or 0 if there is none.
func (t *tx) mounted(ctx context.Context, path string) (id int64, err error) {
	ids, err := collect(ctx, t.tx, "SELECT root_id FROM mounts WHERE path = ?", func(scan scanFunc) (id int64, err error) { return id, scan(&id) }, []byte(path))
	if err != nil || len(ids) == 0 {
		return 0, explain(err)
	}
	return ids[0], nil
}

// Absorb moves the files of inner, a root at rel below outer, to outer.
func (s *Store) Absorb(ctx context.Context, outer, inner store.RootID, rel string) error {
	return s.inTx(ctx, func(t *tx) error {
		to, err := t.rootNumber(ctx, outer)
		if err != nil {
			return err
		}
		from, err := t.rootNumber(ctx, inner)
		if err != nil {
			return err
		}
		if err := t.absorbDisks(ctx, to, from); err != nil {
			return err
		}
		for _, table := range []string{"files", "failures", "suspects"} {
			// If outer already has the row, it is the same file.
			if _, err := t.exec(ctx, `UPDATE OR IGNORE `+table+` SET root_id = ?,
				dir = CASE WHEN length(dir) = 0 THEN ? ELSE CAST(? || '/' || dir AS BLOB) END WHERE root_id = ?`, to, []byte(rel), []byte(rel), from); err != nil {
				return err
			}
		}
		return t.dropRoot(ctx, from)
	})
}

// absorbDisks moves the disks of one root to another.
func (t *tx) absorbDisks(ctx context.Context, to, from int64) error {
	for _, stmt := range []string{
		`UPDATE files SET disk_id = (SELECT n.id FROM disks o JOIN disks n ON n.device = o.device AND n.root_id = ?1 WHERE o.id = files.disk_id)
			WHERE root_id = ?2 AND disk_id IN (SELECT o.id FROM disks o JOIN disks n ON n.device = o.device AND n.root_id = ?1 WHERE o.root_id = ?2)`,
		"UPDATE OR IGNORE disks SET root_id = ?1 WHERE root_id = ?2",
	} {
		if _, err := t.exec(ctx, stmt, to, from); err != nil {
			return err
		}
	}
	t.s.forgetDisks()
	return nil
}

// dropRoot deletes a root and its remaining files.
func (t *tx) dropRoot(ctx context.Context, id int64) error {
	shared, err := collect(ctx, t.tx, "SELECT DISTINCT f.picture_id FROM files f JOIN files g ON g.picture_id = f.picture_id AND g.root_id <> f.root_id WHERE f.root_id = ?",
		func(scan scanFunc) (id int64, err error) { return id, scan(&id) }, id)
	if err != nil {
		return explain(err)
	}
	for _, picture := range shared { // it stays, and its metadata now comes from its other files
		t.dirty[picture] = true
	}
	t.orphans = true
	for _, stmt := range []string{"DELETE FROM files WHERE root_id = ?", "DELETE FROM roots WHERE id = ?"} {
		if _, err := t.exec(ctx, stmt, id); err != nil {
			return err
		}
	}
	t.s.forgetRoots()
	t.s.forgetDisks()
	return nil
}

// RemoveRoot removes a root and its files.
func (s *Store) RemoveRoot(ctx context.Context, path string) (files int, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		id, err := t.mounted(ctx, path)
		if err != nil {
			return err
		}
		if id == 0 {
			return fmt.Errorf("%q is %w", path, store.ErrNoRoot)
		}
		if err := t.tx.QueryRowContext(ctx, "SELECT files FROM roots WHERE id = ?", id).Scan(&files); err != nil {
			return explain(err)
		}
		return t.dropRoot(ctx, id)
	})
	return files, err
}

// MoveRoot changes the path of a root.
func (s *Store) MoveRoot(ctx context.Context, from, to string) error {
	return s.inTx(ctx, func(t *tx) error {
		n, err := t.exec(ctx, "UPDATE mounts SET path = ? WHERE path = ?", []byte(to), []byte(from))
		if err == nil && n == 0 {
			err = fmt.Errorf("%q is %w", from, store.ErrNoRoot)
		}
		return err
	})
}
