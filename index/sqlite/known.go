package sqlite

import (
	"context"
	"errors"
	"strings"

	"github.com/imgsearch/imgsearch/index/internal/column"
	"github.com/imgsearch/imgsearch/index/store"
)

// Known returns the files and failures recorded at places.
func (s *Store) Known(ctx context.Context, model string, places []store.Place) (map[store.Place]store.Known, error) {
	return s.known(ctx, s.read, model, places)
}

func (s *Store) known(ctx context.Context, q querier, model string, places []store.Place) (map[store.Place]store.Known, error) {
	known := make(map[store.Place]store.Known)
	number, err := modelID(ctx, q, model)
	if err != nil {
		return nil, err
	}
	err = inChunks(places, func(chunk []store.Place) error {
		with, args := wantedPlaces(chunk)
		type row struct {
			fileRow

			embedded, preview bool
		}
		files, err := collect(ctx, q, with+`SELECT p.sha256, EXISTS (SELECT 1 FROM embeddings e WHERE e.model_id = ? AND e.picture_id = f.picture_id),
			EXISTS (SELECT 1 FROM previews v WHERE v.picture_id = f.picture_id), `+fileColumns+` FROM wanted w
			CROSS JOIN roots r ON r.uid = w.root CROSS JOIN files f ON f.root_id = r.id AND f.dir = w.dir AND f.name = w.name
			JOIN pictures p ON p.id = f.picture_id`+fileWords, func(scan scanFunc) (r row, err error) {
			var sha []byte
			r.fileRow, err = scanFile(scan, &sha, &r.embedded, &r.preview)
			copy(r.Picture[:], sha)
			return r, err
		}, append(args, number)...)
		if err != nil {
			return explain(err)
		}
		for _, r := range files {
			f, err := s.named(ctx, q, r.fileRow)
			if err != nil {
				return err
			}
			known[f.Place] = store.Known{File: &store.KnownFile{FileRecord: f, Embedded: r.embedded, Preview: r.preview}}
		}
		failures, err := s.failures(ctx, q, with+"SELECT "+failureColumns+` FROM wanted w CROSS JOIN roots r ON r.uid = w.root
			CROSS JOIN failures x ON x.root_id = r.id AND x.dir = w.dir AND x.name = w.name`, args...)
		for _, x := range failures {
			k := known[x.Place]
			k.Failure = &x
			known[x.Place] = k
		}
		return err
	})
	return known, err
}

// wantedPlaces returns a WITH clause for a table of places.
func wantedPlaces(places []store.Place) (with string, args []any) {
	for _, p := range places {
		args = append(args, string(p.Root), []byte(p.Dir), []byte(p.Name))
	}
	return "WITH wanted(root, dir, name) AS (VALUES " + strings.TrimSuffix(strings.Repeat("(?, ?, ?), ", len(places)), ", ") + ") ", args
}

// wantedIDs returns a WITH clause for a table of picture ids, numbered from 0.
func wantedIDs(ids []store.PictureID) (with string, args []any) {
	for i := range ids {
		args = append(args, i, ids[i][:])
	}
	return "WITH wanted(nr, sha256) AS (VALUES " + strings.TrimSuffix(strings.Repeat("(?, ?), ", len(ids)), ", ") + ") ", args
}

// Pictures returns the state of the pictures that the index has.
func (s *Store) Pictures(ctx context.Context, model string, ids []store.PictureID) (map[store.PictureID]store.KnownPicture, error) {
	known := make(map[store.PictureID]store.KnownPicture)
	number, err := modelID(ctx, s.read, model)
	if err != nil {
		return nil, err
	}
	err = inChunks(ids, func(chunk []store.PictureID) error {
		with, args := wantedIDs(chunk)
		_, err := collect(ctx, s.read, with+`SELECT w.sha256, EXISTS (SELECT 1 FROM embeddings e WHERE e.model_id = ? AND e.picture_id = p.id),
			EXISTS (SELECT 1 FROM previews v WHERE v.picture_id = p.id), EXISTS (SELECT 1 FROM files f WHERE f.picture_id = p.id),
			coalesce((SELECT m.identity FROM texts t JOIN text_models m ON m.id = t.model_id WHERE t.picture_id = p.id), '')
			FROM wanted w CROSS JOIN pictures p ON p.sha256 = w.sha256`, func(scan scanFunc) (struct{}, error) {
			var sha []byte
			var k store.KnownPicture
			err := scan(&sha, &k.Embedded, &k.Preview, &k.HasFile, &k.TextModel)
			id, bad := column.PictureID(sha)
			known[id] = k
			return struct{}{}, errors.Join(err, bad)
		}, append(args, number)...)
		return explain(err)
	})
	return known, err
}

// FindPictures returns pictures with ids in a range.
func (s *Store) FindPictures(ctx context.Context, low, high store.PictureID, limit int) ([]store.PictureID, error) {
	list, err := collect(ctx, s.read, "SELECT sha256 FROM pictures WHERE sha256 BETWEEN ? AND ? ORDER BY sha256 LIMIT ?", scanID, low[:], high[:], limit)
	return list, explain(err)
}

func scanID(scan scanFunc) (id store.PictureID, err error) {
	var sha []byte
	err = scan(&sha)
	copy(id[:], sha)
	return id, err
}

// FilesOf returns the files of pictures, sorted by root and path.
func (s *Store) FilesOf(ctx context.Context, ids []store.PictureID) (map[store.PictureID][]store.FileRecord, error) {
	if err := s.noticeChanges(ctx); err != nil {
		return nil, err
	}
	all := make(map[store.PictureID][]store.FileRecord)
	err := inChunks(ids, func(chunk []store.PictureID) error {
		return s.filesOf(ctx, s.read, chunk, store.Filter{}, func(nr int, f store.FileRecord) { all[chunk[nr]] = append(all[chunk[nr]], f) })
	})
	return all, err
}

// filesOf calls each with every file of the given pictures that meets the filter's file rules. There must be at most atOnce pictures.
func (s *Store) filesOf(ctx context.Context, q querier, ids []store.PictureID, f store.Filter, each func(nr int, f store.FileRecord)) error {
	with, args := wantedIDs(ids)
	var w where
	w.ofFiles(f)
	type row struct {
		fileRow

		nr int
	}
	rows, err := collect(ctx, q, with+"SELECT w.nr, "+fileColumns+` FROM wanted w CROSS JOIN pictures p ON p.sha256 = w.sha256
		CROSS JOIN files f INDEXED BY files_picture ON f.picture_id = p.id`+fileWords+" WHERE "+w.sql()+" ORDER BY w.nr, f.root_id, f.dir, f.name", func(scan scanFunc) (r row, err error) {
		r.fileRow, err = scanFile(scan, &r.nr)
		return r, err
	}, append(args, w.args...)...)
	if err != nil {
		return explain(err)
	}
	for _, r := range rows {
		r.Picture = ids[r.nr]
		file, err := s.named(ctx, q, r.fileRow)
		if err != nil {
			return err
		}
		each(r.nr, file)
	}
	return nil
}
