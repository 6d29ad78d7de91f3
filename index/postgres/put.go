package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
)

// knows reports whether the index has a picture, or will have it after the next flush.
func (t *tx) knows(ctx context.Context, id store.PictureID) (bool, error) {
	if _, ok := t.pictures[id]; ok {
		return true, nil
	}
	row, ok, err := value[int64](ctx, t.reader(), "SELECT id FROM pictures WHERE sha256 = $1", id[:])
	if ok {
		t.pictures[id] = row
	}
	return ok, err
}

func (t *tx) mustKnow(ctx context.Context, id store.PictureID) error {
	ok, err := t.knows(ctx, id)
	if err == nil && !ok {
		err = fmt.Errorf("write the index: %w: %s", errNoPicture, id)
	}
	return err
}

// PutPicture adds a picture if the index does not have it yet.
func (t *tx) PutPicture(_ context.Context, p store.Picture) error {
	if _, ok := t.pictures[p.ID]; ok {
		return nil
	}
	t.pictures[p.ID] = 0
	t.pending.pictures = append(t.pending.pictures, p)
	return nil
}

// PutVector stores a vector.
func (t *tx) PutVector(ctx context.Context, model string, v store.Vector) error {
	if err := t.mustKnow(ctx, v.Picture); err != nil {
		return err
	}
	if t.pending.vectors == nil {
		t.pending.vectors = make(map[string][]store.Vector)
	}
	v.Data = slices.Clone(v.Data)
	t.pending.vectors[model] = append(t.pending.vectors[model], v)
	return nil
}

// PutPreview stores a small JPEG.
func (t *tx) PutPreview(ctx context.Context, id store.PictureID, jpeg []byte) error {
	if err := t.mustKnow(ctx, id); err != nil {
		return err
	}
	if t.pending.previews == nil {
		t.pending.previews = make(map[store.PictureID][]byte)
	}
	t.pending.previews[id] = slices.Clone(jpeg)
	return nil
}

// PutText stores the text of a picture.
func (t *tx) PutText(ctx context.Context, id store.PictureID, text store.Text) (ok bool, err error) {
	if ok, err = t.knows(ctx, id); err != nil || !ok {
		return false, err
	}
	if t.pending.texts == nil {
		t.pending.texts = make(map[store.PictureID]store.Text)
	}
	t.pending.texts[id] = text
	return true, nil
}

// PutFile records a file.
func (t *tx) PutFile(ctx context.Context, f store.FileRecord) (samePicture bool, err error) {
	if t.pending.places[f.Place] {
		if err := t.flush(ctx); err != nil {
			return false, err
		}
	}
	if _, err := t.rootNumber(ctx, f.Root); err != nil {
		return false, err
	}
	if err := t.mustKnow(ctx, f.Picture); err != nil {
		return false, err
	}
	old, found, err := value[[]byte](ctx, t.reader(), `SELECT p.sha256 FROM roots r JOIN folders d ON d.root_id = r.id AND d.digest = sha256($2) JOIN files f ON f.folder_id = d.id AND f.name = $3
		JOIN pictures p ON p.id = f.picture_id WHERE r.uid = $1`, string(f.Root), []byte(f.Dir), []byte(f.Name))
	if err != nil {
		return false, err
	}
	if t.pending.places == nil {
		t.pending.places = make(map[store.Place]bool)
	}
	t.pending.places[f.Place] = true
	t.pending.files = append(t.pending.files, f)
	return found && string(old) == string(f.Picture[:]), nil
}

// MoveFile moves a file to another place.
func (t *tx) MoveFile(ctx context.Context, from store.Place, f store.FileRecord) (ok bool, err error) {
	if err := t.mustKnow(ctx, f.Picture); err != nil {
		return false, err
	}
	if err := t.flush(ctx); err != nil {
		return false, err
	}
	if err := t.findPictures(ctx, pending{files: []store.FileRecord{f}}); err != nil {
		return false, err
	}
	c, places, err := t.fileTable(ctx, []store.FileRecord{f})
	if err != nil {
		return false, err
	}
	root, err := t.rootNumber(ctx, from.Root)
	if err != nil {
		return false, err
	}
	size, ok, err := value[int64](ctx, t.tx, `SELECT f.size FROM files f JOIN folders d ON d.id = f.folder_id WHERE d.root_id = $1 AND d.digest = sha256($2) AND f.name = $3 AND f.picture_id = $4
		AND NOT EXISTS (SELECT 1 FROM files k WHERE k.folder_id = $5 AND k.name = $6)`, root, []byte(from.Dir), []byte(from.Name), t.pictures[f.Picture], t.folder(f.Place), []byte(f.Name))
	if err != nil || !ok {
		return false, err
	}
	args := append([]any{root, []byte(from.Dir), []byte(from.Name)}, c.values...)
	if err := t.exec(ctx, "UPDATE files f SET "+c.sets()+" FROM "+c.table(3)+", folders d WHERE d.id = f.folder_id AND d.root_id = $1 AND d.digest = sha256($2) AND f.name = $3", args...); err != nil {
		return false, err
	}
	t.dirty[t.pictures[f.Picture]] = true
	t.count(root, -1, -size)
	t.count(t.roots[f.Root], 1, f.Size)
	return true, t.DeleteFailures(ctx, places)
}

// RefreshFile updates the metadata of a known file.
func (t *tx) RefreshFile(ctx context.Context, f store.File, m *store.Metadata) error {
	if err := t.flush(ctx); err != nil {
		return err
	}
	var c columns
	addSays(&c, []store.File{f})
	if m != nil {
		words := wordsOf(*m)
		if err := t.putWords(ctx, words[:]); err != nil {
			return err
		}
		if err := t.addMetadata(&c, []store.Metadata{*m}); err != nil {
			return err
		}
	}
	args := append([]any{string(f.Root), []byte(f.Dir), []byte(f.Name)}, c.values...)
	picture, ok, err := value[int64](ctx, t.tx, "UPDATE files f SET "+c.sets()+" FROM "+c.table(3)+", folders d, roots r WHERE r.uid = $1 AND d.root_id = r.id AND d.digest = sha256($2) AND f.folder_id = d.id AND f.name = $3 RETURNING f.picture_id", args...)
	if ok {
		t.dirty[picture] = true
	}
	return err
}

// deleted runs a statement that deletes files (f, of folders d), marks their pictures as dirty, and returns the number of files.
func (t *tx) deleted(ctx context.Context, query string, args ...any) (n int, err error) {
	err = each(ctx, t.tx, query+" RETURNING f.picture_id, f.size, d.root_id", func(scan scanFunc) error {
		var picture, size int64
		var root int32
		err := scan(&picture, &size, &root)
		t.dirty[picture] = true
		t.count(root, -1, -size)
		n++
		return err
	}, args...)
	return n, err
}

// DeleteFiles removes the files at places.
func (t *tx) DeleteFiles(ctx context.Context, places []store.Place) (n int, err error) {
	if err := t.flush(ctx); err != nil {
		return 0, err
	}
	err = inChunks(places, func(chunk []store.Place) error {
		roots, dirs, names := placeColumns(chunk)
		k, err := t.deleted(ctx, wantedPlaces+"DELETE FROM files f USING wanted w, folders d WHERE f.folder_id = w.folder_id AND f.name = w.name AND d.id = f.folder_id", roots, dirs, names)
		n += k
		return err
	})
	return n, err
}

// DeleteBelow removes the files in and below folders.
func (t *tx) DeleteBelow(ctx context.Context, folders []store.Folder) (n int, err error) {
	if err := t.flush(ctx); err != nil {
		return 0, err
	}
	for _, folder := range folders {
		root, err := t.rootNumber(ctx, folder.Root)
		if err != nil {
			return n, err
		}
		k, err := t.deleted(ctx, "DELETE FROM files f USING folders d WHERE d.id = f.folder_id AND d.root_id = $1 AND "+below, root, []byte(folder.Dir))
		if err != nil {
			return n, err
		}
		n += k
	}
	return n, nil
}

// Existing returns the places that have a file.
func (t *tx) Existing(ctx context.Context, places []store.Place) (there []store.Place, err error) {
	if err := t.flush(ctx); err != nil {
		return nil, err
	}
	err = inChunks(places, func(chunk []store.Place) error {
		roots, dirs, names := placeColumns(chunk)
		list, err := collect(ctx, t.tx, wantedPlaces+"SELECT w.uid, w.dir, w.name FROM wanted w JOIN files f ON f.folder_id = w.folder_id AND f.name = w.name ORDER BY w.nr", scanPlace, roots, dirs, names)
		there = append(there, list...)
		return err
	})
	return there, err
}

// PutFailure records a failure.
func (t *tx) PutFailure(ctx context.Context, f store.Failure) error {
	if err := t.flush(ctx); err != nil {
		return err
	}
	if err := t.makeFolders(ctx, []store.Place{f.Place}); err != nil {
		return err
	}
	return t.exec(ctx, `INSERT INTO failures(folder_id, name, size, mtime_ns, stage, reason, decoder, failed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (folder_id, name) DO UPDATE
		SET size = excluded.size, mtime_ns = excluded.mtime_ns, stage = excluded.stage, reason = excluded.reason, decoder = excluded.decoder, failed_at = excluded.failed_at`,
		t.folder(f.Place), []byte(f.Name), f.Size, f.MTimeNS, string(f.Stage), plain(f.Reason), f.Decoder, time.Now().Unix())
}

// DeleteFailures deletes the failures recorded at places.
func (t *tx) DeleteFailures(ctx context.Context, places []store.Place) error {
	if err := t.flush(ctx); err != nil {
		return err
	}
	return inChunks(places, func(chunk []store.Place) error {
		roots, dirs, names := placeColumns(chunk)
		return t.exec(ctx, wantedPlaces+"DELETE FROM failures x USING wanted w WHERE x.folder_id = w.folder_id AND x.name = w.name", roots, dirs, names)
	})
}

// DeleteFailuresIn deletes the failures recorded for files directly in folders.
func (t *tx) DeleteFailuresIn(ctx context.Context, folders []store.Folder) error {
	if err := t.flush(ctx); err != nil {
		return err
	}
	for _, folder := range folders {
		root, err := t.rootNumber(ctx, folder.Root)
		if err != nil {
			return err
		}
		if err := t.exec(ctx, "DELETE FROM failures x USING folders d WHERE d.id = x.folder_id AND d.root_id = $1 AND d.digest = sha256($2)", root, []byte(folder.Dir)); err != nil {
			return err
		}
	}
	return nil
}

// PutSuspect records a file that was being read when a run crashed. Its root may have been removed since.
func (t *tx) PutSuspect(ctx context.Context, at store.Place) error {
	if err := t.flush(ctx); err != nil {
		return err
	}
	exists, _, err := value[bool](ctx, t.tx, "SELECT EXISTS (SELECT 1 FROM roots WHERE uid = $1)", string(at.Root))
	if err != nil || !exists {
		return err
	}
	if err := t.makeFolders(ctx, []store.Place{at}); err != nil {
		return err
	}
	return t.exec(ctx, "INSERT INTO suspects(host, folder_id, name) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", t.s.host, t.folder(at), []byte(at.Name))
}

// DeleteSuspect removes a file from the suspects.
func (t *tx) DeleteSuspect(ctx context.Context, at store.Place) error {
	if err := t.flush(ctx); err != nil {
		return err
	}
	roots, dirs, names := placeColumns([]store.Place{at})
	return t.exec(ctx, wantedPlaces+"DELETE FROM suspects x USING wanted w WHERE x.host = $4 AND x.folder_id = w.folder_id AND x.name = w.name", roots, dirs, names, t.s.host)
}

// DropOrphans deletes the pictures that lost their last file before a time.
func (t *tx) DropOrphans(ctx context.Context, before time.Time) (int, error) {
	if err := t.flush(ctx); err != nil {
		return 0, err
	}
	gone, err := collect(ctx, t.tx, "DELETE FROM pictures p WHERE p.orphaned_at < $1 AND NOT EXISTS (SELECT 1 FROM files f WHERE f.picture_id = p.id) RETURNING p.id",
		func(scan scanFunc) (id int64, err error) { return id, scan(&id) }, before.Unix())
	if err != nil {
		return 0, err
	}
	slices.Sort(gone)
	maps.DeleteFunc(t.pictures, func(_ store.PictureID, row int64) bool { _, dropped := slices.BinarySearch(gone, row); return dropped })
	return len(gone), inChunks(gone, func(chunk []int64) error {
		if err := t.exec(ctx, "DELETE FROM picture_labels WHERE picture_id = ANY($1)", chunk); err != nil {
			return err
		}
		return each(ctx, t.tx, "DELETE FROM vectors e USING models m WHERE e.model_id = m.id AND e.picture_id = ANY($1) RETURNING m.id, m.dim, e.v", func(scan scanFunc) error {
			var model, dim int32
			var v packed
			if err := scan(&model, &dim, &v); err != nil {
				return err
			}
			changes := t.vectors[model]
			if changes == nil {
				changes = &vectorChanges{sum: make([]float64, dim), fresh: make(map[int64]bool)}
				t.vectors[model] = changes
			}
			changes.add(v, -1)
			return nil
		}, chunk)
	})
}
