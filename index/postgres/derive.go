package postgres

import (
	"context"
	"time"

	"github.com/imgsearch/imgsearch/index/internal/column"
	"github.com/imgsearch/imgsearch/index/store"
)

// derive derives the metadata of pictures from their files, and sets orphaned_at for those that have lost their last one. It returns which have a file.
func (t *tx) derive(ctx context.Context, list []int64) (has map[int64]bool, err error) {
	has = make(map[int64]bool, len(list))
	if len(list) == 0 {
		return has, nil
	}
	files := make(map[int64][]store.FileRecord, len(list))
	if err := each(ctx, t.tx, "SELECT f.picture_id, r.uid, "+fileColumns+` FROM files f JOIN folders d ON d.id = f.folder_id JOIN roots r ON r.id = d.root_id
		LEFT JOIN devices v ON v.disk_id = f.disk_id AND v.host = $2`+fileWords+" WHERE f.picture_id = ANY($1)", func(scan scanFunc) error {
		var id int64
		var root string
		f, err := scanFile(scan, &id, &root)
		f.Root = store.RootID(root)
		files[id] = append(files[id], f)
		return err
	}, list, t.s.host); err != nil {
		return nil, err
	}
	var rows []int64
	var derived []store.Metadata
	var found []*int32
	var wanted []column.Word
	for _, id := range list {
		if has[id] = len(files[id]) > 0; !has[id] {
			continue
		}
		m := store.Derive(files[id])
		words := wordsOf(m)
		rows, derived, found, wanted = append(rows, id), append(derived, m), append(found, placeOf(m.Position)), append(wanted, words[:]...)
	}
	if len(rows) < len(list) {
		if err := t.exec(ctx, "UPDATE pictures p SET orphaned_at = $2 WHERE p.id = ANY($1) AND p.orphaned_at IS NULL AND NOT EXISTS (SELECT 1 FROM files f WHERE f.picture_id = p.id)", list, time.Now().Unix()); err != nil {
			return nil, err
		}
	}
	if len(rows) == 0 {
		return has, nil
	}
	if err := t.putWords(ctx, wanted); err != nil {
		return nil, err
	}
	var c columns
	c.add("id", "bigint", rows)
	c.add("place", "integer", found)
	if err := t.addMetadata(&c, derived); err != nil {
		return nil, err
	}
	return has, t.exec(ctx, "UPDATE pictures p SET orphaned_at = NULL, "+c.sets("id")+" FROM "+c.table(0)+" WHERE p.id = n.id", c.values...)
}
