package sqlite

import (
	"context"

	"github.com/imgsearch/imgsearch/index/store"
)

// PreviewsToEmbed returns the pictures that have a preview but no vector of a model, and whose files are all in these roots.
func (s *Store) PreviewsToEmbed(ctx context.Context, model string, roots []store.RootID) ([]store.PictureID, error) {
	in := "(SELECT id FROM roots WHERE uid IN " + marks(len(roots)) + ")"
	args := []any{model}
	for range 2 {
		for _, id := range roots {
			args = append(args, string(id))
		}
	}
	ids, err := collect(ctx, s.read, `SELECT p.sha256 FROM previews v JOIN pictures p ON p.id = v.picture_id
		WHERE NOT EXISTS (SELECT 1 FROM embeddings e WHERE e.model_id = (SELECT id FROM models WHERE identity = ?) AND e.picture_id = p.id)
		AND EXISTS (SELECT 1 FROM files f WHERE f.picture_id = p.id AND f.root_id IN `+in+`)
		AND NOT EXISTS (SELECT 1 FROM files f WHERE f.picture_id = p.id AND f.root_id NOT IN `+in+`)`, scanID, args...)
	return ids, explain(err)
}

// Previews returns the small JPEGs of pictures that have one.
func (s *Store) Previews(ctx context.Context, ids []store.PictureID) (map[store.PictureID][]byte, error) {
	previews := make(map[store.PictureID][]byte)
	err := inChunks(ids, func(chunk []store.PictureID) error {
		with, args := wantedIDs(chunk)
		_, err := collect(ctx, s.read, with+`SELECT w.nr, v.jpeg FROM wanted w CROSS JOIN pictures p ON p.sha256 = w.sha256
			CROSS JOIN previews v ON v.picture_id = p.id`, func(scan scanFunc) (struct{}, error) {
			var nr int
			var jpeg []byte
			err := scan(&nr, &jpeg)
			previews[chunk[nr]] = jpeg
			return struct{}{}, err
		}, args...)
		return explain(err)
	})
	return previews, err
}
