package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/imgsearch/imgsearch/index/internal/column"
	"github.com/imgsearch/imgsearch/index/store"
)

// fileRow returns a file's column values, in the order of rowColumns.
func (t *tx) fileRow(ctx context.Context, f store.FileRecord) (row []any, picture int64, err error) {
	row, err = t.at(ctx, f.Place)
	if err != nil {
		return nil, 0, err
	}
	root, _ := row[0].(int64)
	diskID, err := t.diskNumber(ctx, root, f.Device)
	if err != nil {
		return nil, 0, err
	}
	if picture, err = t.pictureNumber(ctx, f.Picture); err != nil {
		return nil, 0, err
	}
	meta, err := t.metaRow(ctx, f.Metadata)
	if err != nil {
		return nil, 0, err
	}
	row = append(row, f.Size, f.MTimeNS, diskID, picture, f.Format)
	return append(append(row, sayRow(f.File)...), meta...), picture, nil
}

// sayRow returns the values of sayColumns: what was read along with a file.
func sayRow(f store.File) []any {
	var sidecar, twins, export any
	if f.Export.Name != "" {
		export = []byte(f.Export.Name)
	}
	if f.Sidecar.Name != "" {
		sidecar = []byte(f.Sidecar.Name)
	}
	if len(f.Twins) > 0 {
		twins = []byte(strings.Join(f.Twins, "/"))
	}
	return []any{f.MetaVersion, sidecar, f.Sidecar.Size, f.Sidecar.MTimeNS, twins, f.IsTwin, export, f.Export.Size, f.Export.MTimeNS}
}

const (
	sayColumns  = "meta, sidecar, sidecar_size, sidecar_mtime_ns, twins, is_twin, export, export_size, export_mtime_ns"
	metaColumns = "taken_at, taken_source, camera, lens, latitude, longitude, rating, keywords, people, boxes, description"
	rowColumns  = "root_id, dir, name, size, mtime_ns, disk_id, picture_id, format, " + sayColumns + ", " + metaColumns
)

// metaRow returns the values of metaColumns, of a file or a picture.
func (t *tx) metaRow(ctx context.Context, m store.Metadata) ([]any, error) {
	words := make([]any, 0, 4)
	for _, w := range column.Words(m) {
		id, err := t.wordNumber(ctx, w)
		if err != nil {
			return nil, err
		}
		words = append(words, id)
	}
	var lat, long, rating, taken, boxes, description any
	if m.Description != "" {
		description = m.Description
	}
	if len(m.Boxes) > 0 {
		data, err := json.Marshal(m.Boxes)
		if err != nil {
			return nil, fmt.Errorf("write the index: %w", err)
		}
		boxes = string(data)
	}
	if m.TakenAt != "" {
		taken = m.TakenAt
	}
	if m.Position != nil {
		lat, long = m.Position.Latitude, m.Position.Longitude
	}
	if m.Rated {
		rating = m.Rating
	}
	return []any{taken, int(m.TakenSource), words[0], words[1], lat, long, rating, words[2], words[3], boxes, description}, nil
}

// sets returns "a = ?, b = ?" for a list of columns "a, b".
func sets(columns string) string { return strings.ReplaceAll(columns, ",", " = ?,") + " = ?" }

// pictureAt returns the row id of the picture of the file at a place, or 0 if there is no file.
func (t *tx) pictureAt(ctx context.Context, at []any) (int64, error) {
	return t.number(ctx, "SELECT picture_id FROM files WHERE root_id = ? AND dir = ? AND name = ?", at...)
}

// PutFile records a file.
func (t *tx) PutFile(ctx context.Context, f store.FileRecord) (samePicture bool, err error) {
	row, picture, err := t.fileRow(ctx, f)
	if err != nil {
		return false, err
	}
	const place = 3
	old, err := t.pictureAt(ctx, row[:place])
	if err != nil {
		return false, err
	}
	if old == 0 {
		_, err = t.exec(ctx, "INSERT INTO files("+rowColumns+") VALUES "+marks(len(row)), row...)
	} else {
		_, err = t.exec(ctx, "UPDATE files SET "+sets(rowColumns)+" WHERE root_id = ? AND dir = ? AND name = ?", append(row, row[:place]...)...)
		t.dirty[old] = true
	}
	if err != nil {
		return false, err
	}
	t.dirty[picture] = true
	return old == picture, t.deleteFailure(ctx, row[:place])
}

// MoveFile moves a file to another place.
func (t *tx) MoveFile(ctx context.Context, from store.Place, f store.FileRecord) (ok bool, err error) {
	row, picture, err := t.fileRow(ctx, f)
	if err != nil {
		return false, err
	}
	at, err := t.at(ctx, from)
	if err != nil {
		return false, err
	}
	n, err := t.exec(ctx, "UPDATE OR IGNORE files SET "+sets(rowColumns)+" WHERE root_id = ? AND dir = ? AND name = ? AND picture_id = ?",
		append(append(row, at...), picture)...)
	if err != nil || n == 0 {
		return false, err
	}
	t.dirty[picture] = true
	return true, t.deleteFailure(ctx, row[:len(at)])
}

// RefreshFile updates the metadata of a known file.
func (t *tx) RefreshFile(ctx context.Context, f store.File, m *store.Metadata) error {
	at, err := t.at(ctx, f.Place)
	if err != nil {
		return err
	}
	columns, row := sayColumns, sayRow(f)
	if m != nil {
		meta, err := t.metaRow(ctx, *m)
		if err != nil {
			return err
		}
		columns, row = columns+", "+metaColumns, append(row, meta...)
	}
	picture, err := t.pictureAt(ctx, at)
	if err != nil || picture == 0 {
		return err
	}
	t.dirty[picture] = true
	_, err = t.exec(ctx, "UPDATE files SET "+sets(columns)+" WHERE root_id = ? AND dir = ? AND name = ?", append(row, at...)...)
	return err
}

// deleted runs a statement that deletes files, marks their pictures as dirty, and returns the number of files.
func (t *tx) deleted(ctx context.Context, query string, args ...any) (int, error) {
	ids, err := collect(ctx, t.tx, query+" RETURNING picture_id", func(scan scanFunc) (id int64, err error) { return id, scan(&id) }, args...)
	if err != nil {
		return 0, fmt.Errorf("write the index: %w", explain(err))
	}
	for _, id := range ids {
		t.dirty[id] = true
	}
	return len(ids), nil
}

// DeleteFiles removes the files at places.
func (t *tx) DeleteFiles(ctx context.Context, places []store.Place) (n int, err error) {
	err = inChunks(places, func(chunk []store.Place) error {
		with, args := wantedPlaces(chunk)
		k, err := t.deleted(ctx, with+`DELETE FROM files WHERE id IN (SELECT f.id FROM wanted w CROSS JOIN roots r ON r.uid = w.root
			CROSS JOIN files f ON f.root_id = r.id AND f.dir = w.dir AND f.name = w.name)`, args...)
		n += k
		return err
	})
	return n, err
}

// DeleteBelow removes the files in and below folders.
func (t *tx) DeleteBelow(ctx context.Context, folders []store.Folder) (n int, err error) {
	for _, folder := range folders {
		root, err := t.rootNumber(ctx, folder.Root)
		if err != nil {
			return n, err
		}
		below, args := belowClause("dir", folder.Dir)
		k, err := t.deleted(ctx, "DELETE FROM files WHERE root_id = ? AND "+below, append([]any{root}, args...)...)
		if err != nil {
			return n, err
		}
		n += k
	}
	return n, nil
}

// Existing returns the places that have a file.
func (t *tx) Existing(ctx context.Context, places []store.Place) (there []store.Place, err error) {
	err = inChunks(places, func(chunk []store.Place) error {
		with, args := wantedPlaces(chunk)
		list, err := collect(ctx, t.tx, with+`SELECT w.root, w.dir, w.name FROM wanted w CROSS JOIN roots r ON r.uid = w.root
			CROSS JOIN files f ON f.root_id = r.id AND f.dir = w.dir AND f.name = w.name`, scanPlace, args...)
		there = append(there, list...)
		return explain(err)
	})
	return there, err
}

// DropOrphans deletes the pictures that lost their last file before a time.
func (t *tx) DropOrphans(ctx context.Context, before time.Time) (int, error) {
	n, err := t.exec(ctx, "DELETE FROM pictures WHERE orphaned_at < ? AND NOT EXISTS (SELECT 1 FROM files WHERE picture_id = pictures.id)", before.Unix())
	t.forget = t.forget || n > 0 // a new picture may get the row id of a deleted one, which the vector files still contain
	if err == nil && n > 0 {
		err = t.pruneLabels(ctx)
	}
	return int(n), err
}
