package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
)

// ImportRoot adds a root of another index.
func (s *Store) ImportRoot(ctx context.Context, r store.Root, _ []store.Mount) (store.Root, error) {
	out := store.Root{ID: r.ID, Walked: r.Walked}
	err := s.inTx(ctx, func(t *tx) error {
		known, err := collect(ctx, t.tx, "SELECT m.path, r.walked, r.files, r.bytes FROM roots r JOIN mounts m ON m.root_id = r.id WHERE r.uid = ?", func(scan scanFunc) (k store.Root, err error) {
			var path []byte
			err = scan(&path, &k.Walked, &k.Files, &k.Bytes)
			k.ID, k.Path = r.ID, string(path)
			return k, err
		}, string(r.ID))
		if err != nil {
			return explain(err)
		}
		if len(known) > 0 {
			out = known[0]
			return nil
		}
		out.Path, err = store.FreePath(r.Path, func(path string) (bool, error) {
			id, err := t.mounted(ctx, path)
			return id != 0, err
		})
		if err != nil {
			return err
		}
		id, err := t.number(ctx, "INSERT INTO roots(uid, walked, added_at) VALUES (?, ?, ?) RETURNING id", string(r.ID), r.Walked, time.Now().Unix())
		if err != nil {
			return err
		}
		_, err = t.exec(ctx, "INSERT INTO mounts(root_id, path) VALUES (?, ?)", id, []byte(out.Path))
		return err
	})
	if err != nil {
		return out, fmt.Errorf("import root %q: %w", r.Path, err)
	}
	return out, nil
}

// PutFiles records files.
func (t *tx) PutFiles(ctx context.Context, files []store.FileRecord) error {
	for _, f := range files {
		if _, err := t.PutFile(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

// Moments returns a model's vectors of pictures.
func (s *Store) Moments(ctx context.Context, model string, ids []store.PictureID) (map[store.PictureID][]store.Vector, error) {
	found := make(map[store.PictureID][]store.Vector)
	err := inChunks(ids, func(chunk []store.PictureID) error {
		with, args := wantedIDs(chunk)
		_, err := collect(ctx, s.read, with+`SELECT w.nr, e.moment, e.moment_ms, e.vector, m.dim FROM wanted w CROSS JOIN models m ON m.identity = ? CROSS JOIN pictures p ON p.sha256 = w.sha256
			CROSS JOIN embeddings e ON e.model_id = m.id AND e.picture_id = p.id ORDER BY w.nr, e.moment`, func(scan scanFunc) (struct{}, error) {
			var nr, dim int
			var ms *int64
			var v store.Vector
			err := scan(&nr, &v.Number, &ms, &v.Data, &dim)
			if ms != nil {
				v.Time = new(time.Duration(*ms) * time.Millisecond)
			}
			if v.Picture = chunk[nr]; err == nil && len(v.Data) == 2*dim {
				found[v.Picture] = append(found[v.Picture], v)
			}
			return struct{}{}, err
		}, append(args, model)...)
		return explain(err)
	})
	return found, err
}
