package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/imgsearch/imgsearch/index/internal/column"
	"github.com/imgsearch/imgsearch/index/store"
)

// stateColumns are the columns that a run compares, after the file's name. Every run reads them for every file, so there are few:
// flags are combined in one number, and rare values are read only if a flag says so (addRare). The parameter is a model's row id.
const stateColumns = `f.size, f.mtime_ns, f.disk_id, f.meta,
	EXISTS (SELECT 1 FROM embeddings e WHERE e.model_id = ? AND e.picture_id = f.picture_id)
	+ 2 * EXISTS (SELECT 1 FROM previews v WHERE v.picture_id = f.picture_id)
	+ 4 * (` + hasRare + `)
	+ 8 * (f.taken_at IS NULL)`

// hasRare selects the files with a sidecar or twins.
const hasRare = "f.sidecar IS NOT NULL OR f.export IS NOT NULL OR f.twins IS NOT NULL OR f.is_twin"

// modelID returns the row id of a model, or 0 if the index does not have it.
func modelID(ctx context.Context, q querier, identity string) (id int64, err error) {
	list, err := collect(ctx, q, "SELECT id FROM models WHERE identity = ?", func(scan scanFunc) (id int64, err error) { return id, scan(&id) }, identity)
	if err != nil || len(list) == 0 {
		return 0, explain(err)
	}
	return list[0], nil
}

// rootNumber returns the row id of a root, or 0 if the index does not have it.
func rootNumber(ctx context.Context, q querier, root store.RootID) (id int64, err error) {
	list, err := collect(ctx, q, "SELECT id FROM roots WHERE uid = ?", func(scan scanFunc) (id int64, err error) { return id, scan(&id) }, string(root))
	if err != nil || len(list) == 0 {
		return 0, explain(err)
	}
	return list[0], nil
}

// Folder returns the files and failures recorded directly in a folder.
func (s *Store) Folder(ctx context.Context, at store.Folder, model string) (f store.FolderState, err error) {
	root, err := rootNumber(ctx, s.read, at.Root)
	if err != nil {
		return f, err
	}
	number, err := modelID(ctx, s.read, model)
	if err != nil {
		return f, err
	}
	if f.Files, err = s.folderFiles(ctx, at, root, number); err != nil {
		return f, err
	}
	f.Failures = make(map[string]store.Failure)
	failures, err := s.failures(ctx, s.read, "SELECT "+failureColumns+" FROM failures x WHERE x.root_id = ? AND x.dir = ?", root, []byte(at.Dir))
	for _, x := range failures {
		f.Failures[x.Name] = x
	}
	return f, err
}

func (s *Store) folderFiles(ctx context.Context, at store.Folder, root, model int64) (map[string]*store.FileState, error) {
	rows, err := s.read.QueryContext(ctx, "SELECT f.name, "+stateColumns+" FROM files f WHERE f.root_id = ? AND f.dir = ?", model, root, []byte(at.Dir))
	if err != nil {
		return nil, explain(err)
	}
	defer rows.Close()
	files := make(map[string]*store.FileState)
	anyRare := false
	onDisk := make(map[int64][]*store.FileState) // most folders are on one disk
	for rows.Next() {
		f := &store.FileState{}
		var name sql.RawBytes
		var diskID int64
		var flags int
		if err := rows.Scan(&name, &f.Size, &f.MTimeNS, &diskID, &f.MetaVersion, &flags); err != nil {
			return nil, err
		}
		f.Embedded, f.Preview, f.Undated = flags&1 != 0, flags&2 != 0, flags&8 != 0
		anyRare = anyRare || flags&4 != 0
		f.Place = store.Place{Root: at.Root, Dir: at.Dir, Name: string(name)}
		onDisk[diskID] = append(onDisk[diskID], f)
		files[f.Name] = f
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return nil, explain(err)
	}
	for id, list := range onDisk {
		device, err := s.device(ctx, s.read, id)
		if err != nil {
			return nil, err
		}
		for _, f := range list {
			f.Device = device
		}
	}
	if !anyRare {
		return files, nil
	}
	return files, s.addRare(ctx, root, at.Dir, files)
}

// addRare reads the sidecars and twins of the files in a folder that have them.
func (s *Store) addRare(ctx context.Context, root int64, dir string, files map[string]*store.FileState) error {
	_, err := collect(ctx, s.read, `SELECT f.name, f.sidecar, f.sidecar_size, f.sidecar_mtime_ns, f.twins, f.is_twin, f.export, f.export_size, f.export_mtime_ns FROM files f
		WHERE f.root_id = ? AND f.dir = ? AND (`+hasRare+`)`, func(scan scanFunc) (struct{}, error) {
		var name, sidecar, twins, export []byte
		var beside, exported store.Sidecar
		var isTwin bool
		err := scan(&name, &sidecar, &beside.Size, &beside.MTimeNS, &twins, &isTwin, &export, &exported.Size, &exported.MTimeNS)
		if f, ok := files[string(name)]; ok && err == nil {
			beside.Name, exported.Name = string(sidecar), string(export)
			f.Export = exported
			f.Sidecar, f.Twins, f.IsTwin = beside, column.Twins(twins), isTwin
		}
		return struct{}{}, err
	}, root, []byte(dir))
	return explain(err)
}

// fileColumns are all columns of a file, read by scanFile; fileWords joins the words that they refer to.
const (
	fileColumns = `f.root_id, f.dir, f.name, f.size, f.mtime_ns, f.disk_id, f.meta, f.sidecar, f.sidecar_size, f.sidecar_mtime_ns, f.twins, f.is_twin, f.export, f.export_size,
	f.export_mtime_ns, f.format, f.taken_at, f.taken_source, cam.text, len.text, f.latitude, f.longitude, f.rating, key.text, ppl.text, f.boxes, f.description`
	fileWords = " LEFT JOIN words cam ON cam.id = f.camera LEFT JOIN words len ON len.id = f.lens LEFT JOIN words key ON key.id = f.keywords LEFT JOIN words ppl ON ppl.id = f.people"
)

// scanFile reads the columns in first and then fileColumns.
// The names of root and disk are looked up later, once the rows are closed (named).
func scanFile(scan scanFunc, first ...any) (f fileRow, err error) {
	var dir, name, sidecar, twins, export []byte
	var meta column.Metadata
	fields := append(first, &f.root, &dir, &name, &f.Size, &f.MTimeNS, &f.disk, &f.MetaVersion, &sidecar, &f.Sidecar.Size, &f.Sidecar.MTimeNS, &twins,
		&f.IsTwin, &export, &f.Export.Size, &f.Export.MTimeNS, &f.Format)
	err = scan(append(fields, meta.Fields()...)...)
	f.Dir, f.Name, f.Sidecar.Name, f.Twins, f.Metadata = string(dir), string(name), string(sidecar), column.Twins(twins), meta.Value()
	f.Export.Name = string(export)
	return f, err
}

// fileRow is a file with the row ids of its root and disk.
type fileRow struct {
	store.FileRecord

	root, disk int64
}

// named returns the file with its root and device looked up.
func (s *Store) named(ctx context.Context, q querier, f fileRow) (r store.FileRecord, err error) {
	r = f.FileRecord
	if r.Root, err = s.rootName(ctx, q, f.root); err != nil {
		return r, err
	}
	r.Device, err = s.device(ctx, q, f.disk)
	return r, err
}

// Devices returns the device numbers of the disks that hold a root's files.
func (s *Store) Devices(ctx context.Context, root store.RootID) (map[uint64]bool, error) {
	list, err := collect(ctx, s.read, `SELECT d.device FROM disks d WHERE d.root_id = `+rootID+` AND EXISTS (SELECT 1 FROM files f WHERE f.disk_id = d.id)`,
		func(scan scanFunc) (uint64, error) {
			var d deviceID
			err := scan(&d)
			return uint64(d), err
		}, string(root))
	set := make(map[uint64]bool, len(list))
	for _, d := range list {
		set[d] = true
	}
	return set, explain(err)
}

// Sample returns at most n files, spread evenly over the index.
func (s *Store) Sample(ctx context.Context, n int) ([]store.Place, error) {
	list, err := collect(ctx, s.read, `SELECT r.uid, f.dir, f.name FROM (SELECT root_id, dir, name, id, row_number() OVER (ORDER BY id) - 1 AS nr, count(*) OVER () AS total
		FROM files) f JOIN roots r ON r.id = f.root_id WHERE f.nr % max(f.total / ?, 1) = 0 ORDER BY f.id LIMIT ?`, scanPlace, n, n)
	return list, explain(err)
}

// Totals returns the counts, which are maintained by triggers.
func (s *Store) Totals(ctx context.Context) (t store.Totals, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM roots), (SELECT coalesce(sum(files), 0) FROM roots), (SELECT coalesce(sum(bytes), 0) FROM roots),
		(SELECT pictures FROM totals), (SELECT count(*) FROM failures WHERE stage <> 'sniff')`).
		Scan(&t.Roots, &t.Files, &t.Bytes, &t.Pictures, &t.Failures)
	return t, explain(err)
}
