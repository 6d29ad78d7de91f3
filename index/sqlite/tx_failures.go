package sqlite

import (
	"context"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
)

// PutFailure records a failure.
func (t *tx) PutFailure(ctx context.Context, f store.Failure) error {
	at, err := t.at(ctx, f.Place)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, `INSERT OR REPLACE INTO failures(root_id, dir, name, size, mtime_ns, stage, reason, decoder, failed_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, append(at, f.Size, f.MTimeNS, string(f.Stage), f.Reason, f.Decoder, time.Now().Unix())...)
	return err
}

func (t *tx) deleteFailure(ctx context.Context, at []any) error {
	_, err := t.exec(ctx, "DELETE FROM failures WHERE root_id = ? AND dir = ? AND name = ?", at...)
	return err
}

// DeleteFailures deletes the failures recorded at places.
func (t *tx) DeleteFailures(ctx context.Context, places []store.Place) error {
	return inChunks(places, func(chunk []store.Place) error {
		with, args := wantedPlaces(chunk)
		_, err := t.tx.ExecContext(ctx, with+`DELETE FROM failures WHERE (root_id, dir, name) IN (SELECT r.id, w.dir, w.name FROM wanted w JOIN roots r ON r.uid = w.root)`, args...)
		return explain(err)
	})
}

// DeleteFailuresIn deletes the failures recorded for files directly in folders.
func (t *tx) DeleteFailuresIn(ctx context.Context, folders []store.Folder) error {
	for _, folder := range folders {
		root, err := t.rootNumber(ctx, folder.Root)
		if err != nil {
			return err
		}
		if _, err := t.exec(ctx, "DELETE FROM failures WHERE root_id = ? AND dir = ?", root, []byte(folder.Dir)); err != nil {
			return err
		}
	}
	return nil
}

// PutSuspect records a file that was being read when a run crashed. Its root may have been removed since.
func (t *tx) PutSuspect(ctx context.Context, at store.Place) error {
	_, err := t.exec(ctx, "INSERT OR IGNORE INTO suspects(root_id, dir, name) SELECT id, ?, ? FROM roots WHERE uid = ?", []byte(at.Dir), []byte(at.Name), string(at.Root))
	return err
}

// DeleteSuspect removes a file from the suspects.
func (t *tx) DeleteSuspect(ctx context.Context, at store.Place) error {
	_, err := t.exec(ctx, "DELETE FROM suspects WHERE root_id = "+rootID+" AND dir = ? AND name = ?", string(at.Root), []byte(at.Dir), []byte(at.Name))
	return err
}
