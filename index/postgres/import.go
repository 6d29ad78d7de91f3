package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/imgsearch/imgsearch/index/internal/column"
	"github.com/imgsearch/imgsearch/index/store"
)

// ImportRoot adds a root of another index, with all its paths.
func (s *Store) ImportRoot(ctx context.Context, r store.Root, mounts []store.Mount) (out store.Root, err error) {
	if !r.Elsewhere {
		mounts = append(mounts, store.Mount{Root: r.ID, Host: s.host, Path: r.Path})
	}
	err = s.inTx(ctx, func(t *tx) error {
		_, known, err := value[int32](ctx, t.tx, "SELECT id FROM roots WHERE uid = $1", string(r.ID))
		if err != nil || known {
			return err
		}
		id, _, err := value[int32](ctx, t.tx, "INSERT INTO roots(uid, name, walked, added_at) SELECT $1, CASE WHEN NOT EXISTS (SELECT 1 FROM roots WHERE name = $2) THEN nullif($2, '') END, $3, $4 RETURNING id", string(r.ID), r.Name, r.Walked, time.Now().Unix())
		if err != nil {
			return err
		}
		for _, m := range mounts {
			if m.Root != r.ID {
				continue
			}
			path, err := store.FreePath(m.Path, func(path string) (taken bool, err error) {
				taken, _, err = value[bool](ctx, t.tx, "SELECT EXISTS (SELECT 1 FROM mounts WHERE host = $1 AND path = $2 AND root_id <> $3)", m.Host, []byte(path), id)
				return taken, err
			})
			if err != nil {
				return err
			}
			if err := t.exec(ctx, "INSERT INTO mounts(root_id, host, path) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", id, m.Host, []byte(path)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return r, fmt.Errorf("import root %q: %w", r.Path, err)
	}
	roots, err := s.Roots(ctx)
	for _, known := range roots {
		if known.ID == r.ID {
			out = known
		}
	}
	return out, err
}

// PutFiles records files.
func (t *tx) PutFiles(ctx context.Context, files []store.FileRecord) error {
	for _, f := range files {
		if t.pending.places[f.Place] {
			if err := t.flush(ctx); err != nil {
				return err
			}
		}
		if err := t.mustKnow(ctx, f.Picture); err != nil {
			return err
		}
		if t.pending.places == nil {
			t.pending.places = make(map[store.Place]bool)
		}
		t.pending.places[f.Place] = true
		t.pending.files = append(t.pending.files, f)
	}
	return nil
}

// Moments returns a model's vectors of pictures.
func (s *Store) Moments(ctx context.Context, model string, list []store.PictureID) (map[store.PictureID][]store.Vector, error) {
	found := make(map[store.PictureID][]store.Vector)
	err := inChunks(list, func(chunk []store.PictureID) error {
		return each(ctx, s.db, `SELECT p.sha256, e.moment, e.moment_ms, e.v FROM pictures p JOIN vectors e ON e.picture_id = p.id
			WHERE e.model_id = (SELECT id FROM models WHERE identity = $1) AND p.sha256 = ANY($2) ORDER BY p.id, e.moment`, func(scan scanFunc) error {
			var sha []byte
			var ms *int64
			var data packed
			var v store.Vector
			if err := scan(&sha, &v.Number, &ms, &data); err != nil {
				return err
			}
			if ms != nil {
				v.Time = new(time.Duration(*ms) * time.Millisecond)
			}
			v.Data = data
			var err error
			v.Picture, err = column.PictureID(sha)
			found[v.Picture] = append(found[v.Picture], v)
			return err
		}, model, ids(chunk))
	})
	return found, err
}
