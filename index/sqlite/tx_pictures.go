package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/imgsearch/imgsearch/index/store"
)

// errNoPicture means that a file, vector or preview was added before its picture.
var errNoPicture = errors.New("the picture is not in the index")

// pictureNumber returns the row id of a picture.
func (t *tx) pictureNumber(ctx context.Context, id store.PictureID) (int64, error) {
	if n, ok := t.pictures[id]; ok {
		return n, nil
	}
	n, err := t.number(ctx, "SELECT id FROM pictures WHERE sha256 = ?", id[:])
	if err == nil && n == 0 {
		err = fmt.Errorf("write the index: %w: %s", errNoPicture, id)
	}
	if err != nil {
		return 0, err
	}
	t.pictures[id] = n
	return n, nil
}

// PutPicture adds a picture if the index does not have it yet.
func (t *tx) PutPicture(ctx context.Context, p store.Picture) error {
	id, err := t.number(ctx, "SELECT id FROM pictures WHERE sha256 = ?", p.ID[:])
	if err == nil && id == 0 {
		id, err = t.number(ctx, "INSERT INTO pictures(sha256, format, width, height, orientation) VALUES (?, ?, ?, ?, ?) RETURNING id",
			p.ID[:], p.Format, p.Width, p.Height, p.Orientation)
		t.dirty[id] = true
	}
	t.pictures[p.ID] = id
	return err
}

// PutVector stores a vector.
func (t *tx) PutVector(ctx context.Context, model string, v store.Vector) error {
	id, err := t.pictureNumber(ctx, v.Picture)
	if err != nil {
		return err
	}
	var ms any
	if v.Time != nil {
		ms = v.Time.Milliseconds()
	}
	// Not OR REPLACE, which would delete the old row without firing the triggers.
	n, err := t.exec(ctx, "DELETE FROM embeddings WHERE model_id = (SELECT id FROM models WHERE identity = ?) AND picture_id = ? AND moment = ?", model, id, v.Number)
	if err != nil {
		return err
	}
	if n > 0 {
		t.deletedVectors = true
		if _, err := t.exec(ctx, "DELETE FROM flat_files WHERE model_id = (SELECT id FROM models WHERE identity = ?)", model); err != nil {
			return err
		}
	}
	n, err = t.exec(ctx, "INSERT INTO embeddings(model_id, picture_id, moment, moment_ms, vector) SELECT id, ?, ?, ?, ? FROM models WHERE identity = ?",
		id, v.Number, ms, v.Data, model)
	if err == nil && n == 0 {
		err = fmt.Errorf("write the index: no model %s", model)
	}
	return err
}

// PutPreview stores a small JPEG.
func (t *tx) PutPreview(ctx context.Context, id store.PictureID, jpeg []byte) error {
	n, err := t.pictureNumber(ctx, id)
	if err != nil {
		return err
	}
	_, err = t.exec(ctx, "INSERT OR REPLACE INTO previews(picture_id, jpeg) VALUES (?, ?)", n, jpeg)
	return err
}
