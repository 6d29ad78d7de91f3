package postgres

import (
	"context"
	"time"

	"github.com/imgsearch/imgsearch/index/internal/column"
	"github.com/imgsearch/imgsearch/index/store"
)

// fileColumns are all columns of a file, read by scanFile; fileWords joins the words that they refer to. Statements join the folder (d) and this machine's device (v).
const (
	fileColumns = `d.dir, f.name, f.size, f.mtime_ns, coalesce(v.device, 0), f.meta, f.sidecar, f.sidecar_size, f.sidecar_mtime_ns, f.twins, f.is_twin, f.export, f.export_size,
		f.export_mtime_ns, f.format, f.taken_at, f.taken_source, cam.text, len.text, f.latitude, f.longitude, f.rating, key.text, ppl.text, f.boxes, f.description`
	fileWords = " LEFT JOIN words cam ON cam.id = f.camera LEFT JOIN words len ON len.id = f.lens LEFT JOIN words key ON key.id = f.keywords LEFT JOIN words ppl ON ppl.id = f.people"
)

// scanFile reads the columns in first and then fileColumns.
func scanFile(scan scanFunc, first ...any) (f store.FileRecord, err error) {
	var dir, name, sidecar, twins, export []byte
	var device int64
	var meta column.Metadata
	fields := append(first, &dir, &name, &f.Size, &f.MTimeNS, &device, &f.MetaVersion, &sidecar, &f.Sidecar.Size, &f.Sidecar.MTimeNS, &twins, &f.IsTwin, &export,
		&f.Export.Size, &f.Export.MTimeNS, &f.Format)
	err = scan(append(fields, meta.Fields()...)...)
	f.Dir, f.Name, f.Device, f.Sidecar.Name, f.Export.Name = string(dir), string(name), uint64(device), string(sidecar), string(export)
	f.Twins, f.Metadata = column.Twins(twins), meta.Value()
	return f, err
}

// Folder returns the files and failures recorded directly in a folder.
func (s *Store) Folder(ctx context.Context, at store.Folder, model string) (f store.FolderState, err error) {
	f = store.FolderState{Files: make(map[string]*store.FileState), Failures: make(map[string]store.Failure)}
	err = each(ctx, s.db, `SELECT f.name, f.size, f.mtime_ns, coalesce(v.device, 0), f.meta, f.taken_at IS NULL,
		EXISTS (SELECT 1 FROM vectors e WHERE e.model_id = (SELECT id FROM models WHERE identity = $4) AND e.picture_id = f.picture_id AND e.moment = 0),
		EXISTS (SELECT 1 FROM previews p WHERE p.picture_id = f.picture_id),
		f.sidecar, f.sidecar_size, f.sidecar_mtime_ns, f.twins, f.is_twin, f.export, f.export_size, f.export_mtime_ns
		FROM roots r JOIN folders d ON d.root_id = r.id AND d.digest = sha256($2) JOIN files f ON f.folder_id = d.id LEFT JOIN devices v ON v.disk_id = f.disk_id AND v.host = $3
		WHERE r.uid = $1`, func(scan scanFunc) error {
		file := &store.FileState{}
		var name, sidecar, twins, export []byte
		var device int64
		err := scan(&name, &file.Size, &file.MTimeNS, &device, &file.MetaVersion, &file.Undated, &file.Embedded, &file.Preview,
			&sidecar, &file.Sidecar.Size, &file.Sidecar.MTimeNS, &twins, &file.IsTwin, &export, &file.Export.Size, &file.Export.MTimeNS)
		file.Place, file.Device = store.Place{Root: at.Root, Dir: at.Dir, Name: string(name)}, uint64(device)
		file.Sidecar.Name, file.Export.Name, file.Twins = string(sidecar), string(export), column.Twins(twins)
		f.Files[file.Name] = file
		return err
	}, string(at.Root), []byte(at.Dir), s.host, model)
	if err != nil {
		return f, err
	}
	failures, err := collect(ctx, s.db, "SELECT "+failureColumns+" FROM failures x JOIN folders d ON d.id = x.folder_id JOIN roots r ON r.id = d.root_id WHERE r.uid = $1 AND d.digest = sha256($2)",
		scanFailure, string(at.Root), []byte(at.Dir))
	for _, x := range failures {
		f.Failures[x.Name] = x
	}
	return f, err
}

const failureColumns = "r.uid, d.dir, x.name, x.size, x.mtime_ns, x.stage, x.reason, x.decoder, x.failed_at"

func scanFailure(scan scanFunc) (f store.Failure, err error) {
	var dir, name []byte
	var failed int64
	err = scan((*string)(&f.Root), &dir, &name, &f.Size, &f.MTimeNS, (*string)(&f.Stage), &f.Reason, &f.Decoder, &failed)
	f.Dir, f.Name, f.FailedAt = string(dir), string(name), time.Unix(failed, 0)
	return f, err
}

// Failures returns all failures except bystanders, sorted by root and path.
func (s *Store) Failures(ctx context.Context) ([]store.Failure, error) {
	return collect(ctx, s.db, "SELECT "+failureColumns+" FROM failures x JOIN folders d ON d.id = x.folder_id JOIN roots r ON r.id = d.root_id WHERE x.stage <> 'sniff' ORDER BY r.id, d.dir, x.name", scanFailure)
}

// Suspects returns the files that were being read when a run on this machine crashed.
func (s *Store) Suspects(ctx context.Context) (map[store.Place]bool, error) {
	list, err := collect(ctx, s.db, "SELECT r.uid, d.dir, x.name FROM suspects x JOIN folders d ON d.id = x.folder_id JOIN roots r ON r.id = d.root_id WHERE x.host = $1", scanPlace, s.host)
	set := make(map[store.Place]bool, len(list))
	for _, p := range list {
		set[p] = true
	}
	return set, err
}

func scanPlace(scan scanFunc) (p store.Place, err error) {
	var dir, name []byte
	err = scan((*string)(&p.Root), &dir, &name)
	p.Dir, p.Name = string(dir), string(name)
	return p, err
}

// Known returns the files and failures recorded at places.
func (s *Store) Known(ctx context.Context, model string, places []store.Place) (map[store.Place]store.Known, error) {
	known := make(map[store.Place]store.Known)
	err := inChunks(places, func(chunk []store.Place) error {
		roots, dirs, names := placeColumns(chunk)
		if err := each(ctx, s.db, wantedPlaces+`SELECT w.uid, p.sha256,
			EXISTS (SELECT 1 FROM vectors e WHERE e.model_id = (SELECT id FROM models WHERE identity = $4) AND e.picture_id = f.picture_id AND e.moment = 0),
			EXISTS (SELECT 1 FROM previews v WHERE v.picture_id = f.picture_id), `+fileColumns+` FROM wanted w JOIN files f ON f.folder_id = w.folder_id AND f.name = w.name
			JOIN folders d ON d.id = f.folder_id JOIN pictures p ON p.id = f.picture_id LEFT JOIN devices v ON v.disk_id = f.disk_id AND v.host = $5`+fileWords, func(scan scanFunc) error {
			var k store.KnownFile
			var root string
			var sha []byte
			var err error
			if k.FileRecord, err = scanFile(scan, &root, &sha, &k.Embedded, &k.Preview); err != nil {
				return err
			}
			k.Root = store.RootID(root)
			k.Picture, err = column.PictureID(sha)
			known[k.Place] = store.Known{File: &k}
			return err
		}, roots, dirs, names, model, s.host); err != nil {
			return err
		}
		failures, err := collect(ctx, s.db, wantedPlaces+"SELECT w.uid, w.dir, x.name, x.size, x.mtime_ns, x.stage, x.reason, x.decoder, x.failed_at FROM wanted w JOIN failures x ON x.folder_id = w.folder_id AND x.name = w.name",
			scanFailure, roots, dirs, names)
		for _, x := range failures {
			k := known[x.Place]
			k.Failure = &x
			known[x.Place] = k
		}
		return err
	})
	return known, err
}

// Pictures returns the state of the pictures that the index has.
func (s *Store) Pictures(ctx context.Context, model string, list []store.PictureID) (map[store.PictureID]store.KnownPicture, error) {
	known := make(map[store.PictureID]store.KnownPicture)
	err := inChunks(list, func(chunk []store.PictureID) error {
		return each(ctx, s.db, `SELECT p.sha256, EXISTS (SELECT 1 FROM vectors e WHERE e.model_id = (SELECT id FROM models WHERE identity = $2) AND e.picture_id = p.id AND e.moment = 0),
			EXISTS (SELECT 1 FROM previews v WHERE v.picture_id = p.id), p.orphaned_at IS NULL,
			coalesce((SELECT m.identity FROM texts t JOIN text_models m ON m.id = t.model_id WHERE t.picture_id = p.id), '')
			FROM pictures p WHERE p.sha256 = ANY($1)`, func(scan scanFunc) error {
			var sha []byte
			var k store.KnownPicture
			if err := scan(&sha, &k.Embedded, &k.Preview, &k.HasFile, &k.TextModel); err != nil {
				return err
			}
			id, err := column.PictureID(sha)
			known[id] = k
			return err
		}, ids(chunk), model)
	})
	return known, err
}

// FindPictures returns pictures with ids in a range.
func (s *Store) FindPictures(ctx context.Context, low, high store.PictureID, limit int) ([]store.PictureID, error) {
	return collect(ctx, s.db, "SELECT sha256 FROM pictures WHERE sha256 BETWEEN $1 AND $2 ORDER BY sha256 LIMIT $3", scanID, low[:], high[:], limit)
}

// FilesOf returns the files of pictures, sorted by root and path.
func (s *Store) FilesOf(ctx context.Context, list []store.PictureID) (map[store.PictureID][]store.FileRecord, error) {
	all := make(map[store.PictureID][]store.FileRecord)
	err := inChunks(list, func(chunk []store.PictureID) error {
		return s.filesOf(ctx, chunk, store.Filter{}, func(f store.FileRecord) { all[f.Picture] = append(all[f.Picture], f) })
	})
	return all, err
}

// filesOf calls each with every file of the given pictures that meets the filter's file rules.
func (s *Store) filesOf(ctx context.Context, list []store.PictureID, f store.Filter, visit func(store.FileRecord)) error {
	q := &query{}
	pictures, host := q.arg(ids(list)), q.arg(s.host)
	rules, err := s.ofFiles(ctx, q, f)
	if err != nil {
		return err
	}
	return each(ctx, s.db, "SELECT p.sha256, r.uid, "+fileColumns+` FROM pictures p JOIN files f ON f.picture_id = p.id JOIN folders d ON d.id = f.folder_id JOIN roots r ON r.id = d.root_id
		LEFT JOIN devices v ON v.disk_id = f.disk_id AND v.host = `+host+fileWords+" WHERE p.sha256 = ANY("+pictures+") AND "+rules+" ORDER BY p.id, r.id, d.dir, f.name", func(scan scanFunc) error {
		var sha []byte
		var root string
		file, err := scanFile(scan, &sha, &root)
		if err != nil {
			return err
		}
		file.Root = store.RootID(root)
		file.Picture, err = column.PictureID(sha)
		visit(file)
		return err
	}, q.args...)
}

// Sample returns at most n files, spread evenly over the index.
func (s *Store) Sample(ctx context.Context, n int) ([]store.Place, error) {
	return collect(ctx, s.db, `SELECT r.uid, d.dir, f.name FROM (SELECT folder_id, name, id, row_number() OVER (ORDER BY id) - 1 AS nr, count(*) OVER () AS total FROM files) f
		JOIN folders d ON d.id = f.folder_id JOIN roots r ON r.id = d.root_id WHERE f.nr % greatest(f.total / $1, 1) = 0 ORDER BY f.id LIMIT $1`, scanPlace, n)
}

// Totals returns the counts.
func (s *Store) Totals(ctx context.Context) (t store.Totals, err error) {
	err = s.db.QueryRow(ctx, `SELECT (SELECT count(*) FROM roots), (SELECT coalesce(sum(files), 0)::bigint FROM roots), (SELECT coalesce(sum(bytes), 0)::bigint FROM roots),
		(SELECT value::bigint FROM meta WHERE key = 'pictures'), (SELECT count(*) FROM failures WHERE stage <> 'sniff')`).
		Scan(&t.Roots, &t.Files, &t.Bytes, &t.Pictures, &t.Failures)
	return t, explain(err)
}

// Previews returns the small JPEGs of pictures that have one.
func (s *Store) Previews(ctx context.Context, list []store.PictureID) (map[store.PictureID][]byte, error) {
	found := make(map[store.PictureID][]byte)
	err := inChunks(list, func(chunk []store.PictureID) error {
		return each(ctx, s.db, "SELECT p.sha256, v.jpeg FROM pictures p JOIN previews v ON v.picture_id = p.id WHERE p.sha256 = ANY($1)", func(scan scanFunc) error {
			var sha, jpeg []byte
			if err := scan(&sha, &jpeg); err != nil {
				return err
			}
			id, err := column.PictureID(sha)
			found[id] = jpeg
			return err
		}, ids(chunk))
	})
	return found, err
}

// PreviewsToEmbed returns the pictures that have a preview but no vector of a model, and whose files are all in these roots.
func (s *Store) PreviewsToEmbed(ctx context.Context, model string, roots []store.RootID) ([]store.PictureID, error) {
	uids := make([]string, len(roots))
	for i, r := range roots {
		uids[i] = string(r)
	}
	return collect(ctx, s.db, `SELECT p.sha256 FROM previews v JOIN pictures p ON p.id = v.picture_id WHERE p.orphaned_at IS NULL
		AND NOT EXISTS (SELECT 1 FROM vectors e WHERE e.model_id = (SELECT id FROM models WHERE identity = $1) AND e.picture_id = p.id)
		AND NOT EXISTS (SELECT 1 FROM files f JOIN folders d ON d.id = f.folder_id JOIN roots r ON r.id = d.root_id WHERE f.picture_id = p.id AND r.uid <> ALL($2)) ORDER BY p.id`, scanID, model, uids)
}
