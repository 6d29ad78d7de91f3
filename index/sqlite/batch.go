package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Content is what the index knows of a picture.
type Content struct {
	Hash          [32]byte
	Format        string
	Width, Height int // upright, in pixels
	Orientation   int
	TakenAt       string
	Camera, Lens  string
	HasGPS        bool
	Latitude      float64
	Longitude     float64
}

// Batch is one transaction. One goroutine uses it, and ends it with Commit or Rollback.
type Batch struct {
	tx    *sql.Tx
	stmts map[string]*sql.Stmt
}

// Begin starts a transaction that writes.
func (s *Store) Begin(ctx context.Context) (*Batch, error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("write the index: %w", explain(err))
	}
	return &Batch{tx: tx, stmts: make(map[string]*sql.Stmt)}, nil
}

// Commit makes the batch durable.
func (b *Batch) Commit() error {
	if err := b.tx.Commit(); err != nil {
		return fmt.Errorf("write the index: %w", explain(err))
	}
	return nil
}

// Rollback drops what was not committed; after Commit it does nothing.
func (b *Batch) Rollback() { _ = b.tx.Rollback() }

func (b *Batch) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt, ok := b.stmts[query]; ok {
		return stmt, nil
	}
	stmt, err := b.tx.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	b.stmts[query] = stmt
	return stmt, nil
}

func (b *Batch) exec(ctx context.Context, query string, args ...any) (affected int64, err error) {
	stmt, err := b.prepared(ctx, query) //nolint:sqlclosecheck // the transaction closes it
	if err != nil {
		return 0, fmt.Errorf("write the index: %w", explain(err))
	}
	res, err := stmt.ExecContext(ctx, args...)
	if err != nil {
		return 0, fmt.Errorf("write the index: %w", explain(err))
	}
	return res.RowsAffected()
}

// PutContent adds a picture, or refreshes what its file says of it, and returns its id.
func (b *Batch) PutContent(ctx context.Context, c Content) (id int64, err error) {
	stmt, err := b.prepared(ctx, //nolint:sqlclosecheck // the transaction closes it
		`INSERT INTO contents(sha256, format, width, height, orientation, taken_at, camera, latitude, longitude, lens)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(sha256) DO UPDATE SET taken_at = excluded.taken_at, camera = excluded.camera,
		latitude = excluded.latitude, longitude = excluded.longitude, lens = excluded.lens, orphaned_at = NULL
		RETURNING id`)
	if err != nil {
		return 0, fmt.Errorf("write the index: %w", explain(err))
	}
	err = stmt.QueryRowContext(ctx, append([]any{c.Hash[:], c.Format, c.Width, c.Height, c.Orientation}, c.meta()...)...).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("write the index: %w", explain(err))
	}
	return id, nil
}

// meta are the columns taken_at, camera, latitude, longitude and lens.
func (c Content) meta() []any {
	var lat, long any
	if c.HasGPS {
		lat, long = c.Latitude, c.Longitude
	}
	return []any{orNull(c.TakenAt), orNull(c.Camera), lat, long, orNull(c.Lens)}
}

// RefreshContent notes what a picture's file says of it now, the picture being the same.
func (b *Batch) RefreshContent(ctx context.Context, id int64, c Content) error {
	_, err := b.exec(ctx, "UPDATE contents SET taken_at = ?, camera = ?, latitude = ?, longitude = ?, lens = ? WHERE id = ?", append(c.meta(), id)...)
	return err
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// PutEmbedding keeps a content's vector, L2-normalised half-precision numbers.
func (b *Batch) PutEmbedding(ctx context.Context, modelID, contentID int64, vector []byte) error {
	// Not OR REPLACE, which would take the old one away behind the triggers' back.
	if _, err := b.exec(ctx, "DELETE FROM embeddings WHERE model_id = ? AND content_id = ?", modelID, contentID); err != nil {
		return err
	}
	_, err := b.exec(ctx, "INSERT INTO embeddings(model_id, content_id, vector) VALUES (?, ?, ?)", modelID, contentID, vector)
	return err
}

// ForgetFlatFiles makes all models' vector files stale: they are made anew.
func (b *Batch) ForgetFlatFiles(ctx context.Context) error {
	_, err := b.exec(ctx, "DELETE FROM flat_files")
	return err
}

// PutFile records a file with its content; a failure that was remembered at that place is forgotten.
func (b *Batch) PutFile(ctx context.Context, f File) error {
	old, err := b.contentAt(ctx, f.Place)
	if err != nil {
		return err
	}
	if _, err := b.exec(ctx, `INSERT INTO files(root_id, dir, name, size, mtime_ns, device, content_id, meta, rating, keywords,
		sidecar, sidecar_size, sidecar_mtime_ns, twins, twin_format) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT(root_id, dir, name) DO UPDATE SET size = excluded.size, mtime_ns = excluded.mtime_ns,
		device = excluded.device, content_id = excluded.content_id, meta = excluded.meta, rating = excluded.rating, keywords = excluded.keywords,
		sidecar = excluded.sidecar, sidecar_size = excluded.sidecar_size, sidecar_mtime_ns = excluded.sidecar_mtime_ns,
		twins = excluded.twins, twin_format = excluded.twin_format, gone_run = NULL`, f.row()...); err != nil {
		return err
	}
	if old != 0 && old != f.ContentID {
		if err := b.markOrphan(ctx, old); err != nil {
			return err
		}
	}
	return b.DeleteFailure(ctx, f.Place)
}

func (b *Batch) contentAt(ctx context.Context, at Place) (id int64, err error) {
	stmt, err := b.prepared(ctx, //nolint:sqlclosecheck // the transaction closes it
		"SELECT content_id FROM files WHERE root_id = ? AND dir = ? AND name = ?")
	if err != nil {
		return 0, explain(err)
	}
	err = stmt.QueryRowContext(ctx, at.RootID, []byte(at.Dir), []byte(at.Name)).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return id, explain(err)
}

// MoveFile gives a file another place, if it is still at its old one; ok tells whether it was.
func (b *Batch) MoveFile(ctx context.Context, old File, f File) (ok bool, err error) {
	n, err := b.exec(ctx, `UPDATE OR IGNORE files SET root_id = ?, dir = ?, name = ?, size = ?, mtime_ns = ?, device = ?, content_id = ?,
		meta = ?, rating = ?, keywords = ?, sidecar = ?, sidecar_size = ?, sidecar_mtime_ns = ?, twins = ?, twin_format = ?, gone_run = NULL
		WHERE id = ? AND content_id = ? AND root_id = ? AND dir = ? AND name = ?`,
		append(f.row(), old.ID, f.ContentID, old.RootID, []byte(old.Dir), []byte(old.Name))...)
	if err != nil || n == 0 {
		return false, err
	}
	return true, b.DeleteFailure(ctx, f.Place)
}

// RefreshFile notes what a file says of itself now, the file being the one that is known.
func (b *Batch) RefreshFile(ctx context.Context, f File) error {
	row := f.row()
	const at, place = 7, 3 // the labels behind root_id to content_id
	_, err := b.exec(ctx, `UPDATE files SET meta = ?, rating = ?, keywords = ?, sidecar = ?, sidecar_size = ?, sidecar_mtime_ns = ?, twins = ?, twin_format = ?
		WHERE root_id = ? AND dir = ? AND name = ?`, append(row[at:], row[:place]...)...)
	return err
}

// row are a file's columns from root_id to twin_format, in the order of PutFile.
func (f File) row() []any {
	var rating, keywords, sidecar, twins any
	if f.Rated {
		rating = f.Rating
	}
	if len(f.Keywords) > 0 {
		keywords = strings.Join(f.Keywords, "\n")
	}
	if f.Sidecar.Name != "" {
		sidecar = []byte(f.Sidecar.Name)
	}
	if len(f.Twins) > 0 {
		twins = []byte(strings.Join(f.Twins, "/"))
	}
	return []any{
		f.RootID, []byte(f.Dir), []byte(f.Name), f.Size, f.MTimeNS, deviceValue(f.Device), f.ContentID, f.Meta, rating, keywords,
		sidecar, f.Sidecar.Size, f.Sidecar.MTimeNS, twins, orNull(f.TwinFormat),
	}
}

// DeleteFile forgets the file at a place; ok tells whether there was one.
func (b *Batch) DeleteFile(ctx context.Context, at Place) (ok bool, err error) {
	content, err := b.contentAt(ctx, at)
	if err != nil || content == 0 {
		return false, err
	}
	if _, err := b.exec(ctx, "DELETE FROM files WHERE root_id = ? AND dir = ? AND name = ?", at.RootID, []byte(at.Dir), []byte(at.Name)); err != nil {
		return false, err
	}
	return true, b.markOrphan(ctx, content)
}

// KeepGone notes that a file was seen gone in a run, and kept.
func (b *Batch) KeepGone(ctx context.Context, at Place, runID int64) error {
	_, err := b.exec(ctx, "UPDATE files SET gone_run = ? WHERE root_id = ? AND dir = ? AND name = ?", runID, at.RootID, []byte(at.Dir), []byte(at.Name))
	return err
}

// Returned notes that a file that had been kept as gone is there again.
func (b *Batch) Returned(ctx context.Context, at Place) error {
	_, err := b.exec(ctx, "UPDATE files SET gone_run = NULL WHERE root_id = ? AND dir = ? AND name = ?", at.RootID, []byte(at.Dir), []byte(at.Name))
	return err
}

// FolderPlaces returns the files at dir and, if below, in all folders under it.
func (b *Batch) FolderPlaces(ctx context.Context, rootID int64, dir string, below bool) ([]Place, error) {
	clause, args := "dir = ?", []any{[]byte(dir)}
	if below {
		clause, args = belowClause("dir", dir)
	}
	list, err := collect(ctx, b.tx, "SELECT dir, name FROM files WHERE root_id = ? AND "+clause, func(scan scanFunc) (Place, error) {
		p := Place{RootID: rootID}
		var dir, name []byte
		err := scan(&dir, &name)
		p.Dir, p.Name = string(dir), string(name)
		return p, err
	}, append([]any{rootID}, args...)...)
	return list, explain(err)
}

// The reads below are the Store's, inside the transaction: where the journal is no WAL, another connection could not
// read while this one writes.

// Folders is Store.Folders.
func (b *Batch) Folders(ctx context.Context, rootID int64, start string) ([]FolderCount, error) {
	return folders(ctx, b.tx, rootID, start)
}

// CountFiles is Store.CountFiles.
func (b *Batch) CountFiles(ctx context.Context, rootID int64) (int, error) {
	return countFiles(ctx, b.tx, rootID)
}

// FileAt is Store.FileAt, for any model.
func (b *Batch) FileAt(ctx context.Context, at Place) (File, bool, error) {
	return fileAt(ctx, b.tx, at, 0, fileColumns)
}

// FailureFolders is Store.FailureFolders.
func (b *Batch) FailureFolders(ctx context.Context, rootID int64, start string) ([]string, error) {
	return failureFolders(ctx, b.tx, rootID, start)
}

// DeleteFailures forgets what was remembered of the files directly in a folder.
func (b *Batch) DeleteFailures(ctx context.Context, rootID int64, dir string) error {
	_, err := b.exec(ctx, "DELETE FROM failures WHERE root_id = ? AND dir = ?", rootID, []byte(dir))
	return err
}

// SetDevice notes the device that holds a file now.
func (b *Batch) SetDevice(ctx context.Context, at Place, device uint64) error {
	_, err := b.exec(ctx, "UPDATE files SET device = ? WHERE root_id = ? AND dir = ? AND name = ?", deviceValue(device), at.RootID, []byte(at.Dir), []byte(at.Name))
	return err
}

// Redevice notes that a root's files on one device are on another: the same disk under another number.
func (b *Batch) Redevice(ctx context.Context, rootID int64, from, to uint64) error {
	_, err := b.exec(ctx, "UPDATE files SET device = ? WHERE root_id = ? AND device = ?", deviceValue(to), rootID, deviceValue(from))
	return err
}

// PutFailure remembers a failure.
func (b *Batch) PutFailure(ctx context.Context, f Failure) error {
	_, err := b.exec(ctx, `INSERT OR REPLACE INTO failures(root_id, dir, name, size, mtime_ns, stage, reason, decoder, failed_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		f.RootID, []byte(f.Dir), []byte(f.Name), f.Size, f.MTimeNS, f.Stage, f.Reason, f.Decoder, time.Now().Unix())
	return err
}

// DeleteFailure forgets what was remembered of a place.
func (b *Batch) DeleteFailure(ctx context.Context, at Place) error {
	_, err := b.exec(ctx, "DELETE FROM failures WHERE root_id = ? AND dir = ? AND name = ?", at.RootID, []byte(at.Dir), []byte(at.Name))
	return err
}

// PutSuspect notes a file that was in flight when a run died.
func (b *Batch) PutSuspect(ctx context.Context, at Place) error {
	// The root may have been removed since.
	_, err := b.exec(ctx, "INSERT OR IGNORE INTO suspects(root_id, dir, name) SELECT ?, ?, ? WHERE EXISTS (SELECT 1 FROM roots WHERE id = ?)",
		at.RootID, []byte(at.Dir), []byte(at.Name), at.RootID)
	return err
}

// DeleteSuspect clears a file of suspicion.
func (b *Batch) DeleteSuspect(ctx context.Context, at Place) error {
	_, err := b.exec(ctx, "DELETE FROM suspects WHERE root_id = ? AND dir = ? AND name = ?", at.RootID, []byte(at.Dir), []byte(at.Name))
	return err
}

func (b *Batch) markOrphan(ctx context.Context, contentID int64) error {
	_, err := b.exec(ctx, `UPDATE contents SET orphaned_at = ? WHERE id = ? AND orphaned_at IS NULL
		AND NOT EXISTS (SELECT 1 FROM files WHERE content_id = contents.id)`, time.Now().Unix(), contentID)
	return err
}

// MarkOrphans notes the time for every content that has lost its last file.
func (b *Batch) MarkOrphans(ctx context.Context) error {
	_, err := b.exec(ctx, `UPDATE contents SET orphaned_at = ? WHERE orphaned_at IS NULL
		AND NOT EXISTS (SELECT 1 FROM files WHERE content_id = contents.id)`, time.Now().Unix())
	return err
}

// DropOrphans deletes the contents, with their vectors, that have had no file since before.
func (b *Batch) DropOrphans(ctx context.Context, before time.Time) (int64, error) {
	return b.exec(ctx, "DELETE FROM contents WHERE orphaned_at < ? AND NOT EXISTS (SELECT 1 FROM files WHERE content_id = contents.id)", before.Unix())
}
