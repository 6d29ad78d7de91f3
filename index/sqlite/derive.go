package sqlite

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
)

// deriveDirty updates the derived metadata of the dirty pictures, and sets orphaned_at for pictures that have lost their last file.
func (t *tx) deriveDirty(ctx context.Context) error {
	now := time.Now().Unix()
	if t.orphans {
		if _, err := t.exec(ctx, "UPDATE pictures SET orphaned_at = ? WHERE orphaned_at IS NULL AND NOT EXISTS (SELECT 1 FROM files WHERE picture_id = pictures.id)", now); err != nil {
			return err
		}
	}
	return inChunks(slices.Sorted(maps.Keys(t.dirty)), func(ids []int64) error { return t.derive(ctx, ids, now) })
}

// derive derives the metadata of pictures from their files.
func (t *tx) derive(ctx context.Context, ids []int64, now int64) error {
	args := numbers(ids)
	type row struct {
		fileRow

		picture int64
	}
	rows, err := collect(ctx, t.tx, "SELECT f.picture_id, "+fileColumns+" FROM files f"+fileWords+" WHERE f.picture_id IN "+marks(len(ids))+" ORDER BY f.picture_id",
		func(scan scanFunc) (r row, err error) {
			r.fileRow, err = scanFile(scan, &r.picture)
			return r, err
		}, args...)
	if err != nil {
		return explain(err)
	}
	for _, id := range ids {
		var files []store.FileRecord
		for len(rows) > 0 && rows[0].picture == id {
			f := rows[0].FileRecord
			if f.Root, err = t.s.rootName(ctx, t.tx, rows[0].root); err != nil {
				return err
			}
			files, rows = append(files, f), rows[1:]
		}
		if len(files) == 0 {
			if _, err := t.exec(ctx, "UPDATE pictures SET orphaned_at = ? WHERE id = ? AND orphaned_at IS NULL", now, id); err != nil {
				return err
			}
			continue
		}
		derived := store.Derive(files)
		meta, err := t.metaRow(ctx, derived)
		if err != nil {
			return err
		}
		if _, err := t.exec(ctx, "UPDATE pictures SET orphaned_at = NULL, place = ?, "+sets(metaColumns)+" WHERE id = ?",
			append(append([]any{placeOf(derived.Position)}, meta...), id)...); err != nil {
			return err
		}
	}
	return nil
}

// deriveAll marks all pictures with files as dirty; having is an optional HAVING clause.
func (t *tx) deriveAll(ctx context.Context, having string) error {
	ids, err := collect(ctx, t.tx, "SELECT picture_id FROM files GROUP BY picture_id "+having, func(scan scanFunc) (id int64, err error) { return id, scan(&id) })
	for _, id := range ids {
		t.dirty[id] = true
	}
	return explain(err)
}
