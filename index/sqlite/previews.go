package sqlite

import (
	"context"
	"database/sql"
	"errors"
)

// PutPreview keeps a small JPEG of a content.
func (b *Batch) PutPreview(ctx context.Context, contentID int64, jpeg []byte) error {
	_, err := b.exec(ctx, "INSERT OR REPLACE INTO previews(content_id, jpeg) VALUES (?, ?)", contentID, jpeg)
	return err
}

// PreviewsToEmbed returns the contents that have a preview and no vector of a model, and whose files lie in these roots only.
func (s *Store) PreviewsToEmbed(ctx context.Context, modelID int64, roots []int64) ([]int64, error) {
	in := " IN " + marks(len(roots))
	args := []any{modelID}
	for range 2 {
		for _, id := range roots {
			args = append(args, id)
		}
	}
	ids, err := collect(ctx, s.db, `SELECT p.content_id FROM previews p
		WHERE NOT EXISTS (SELECT 1 FROM embeddings e WHERE e.model_id = ? AND e.content_id = p.content_id)
		AND EXISTS (SELECT 1 FROM files f WHERE f.content_id = p.content_id AND f.root_id`+in+`)
		AND NOT EXISTS (SELECT 1 FROM files f WHERE f.content_id = p.content_id AND f.root_id NOT`+in+`)`,
		func(scan scanFunc) (int64, error) {
			var id int64
			return id, scan(&id)
		}, args...)
	return ids, explain(err)
}

// Preview returns the small JPEG of a content; ok is false where none is kept.
func (s *Store) Preview(ctx context.Context, contentID int64) (jpeg []byte, ok bool, err error) {
	if s.schema < schemaLabels {
		return nil, false, nil
	}
	err = s.db.QueryRowContext(ctx, "SELECT jpeg FROM previews WHERE content_id = ?", contentID).Scan(&jpeg)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	return jpeg, err == nil, explain(err)
}
