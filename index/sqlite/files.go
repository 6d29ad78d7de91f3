package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"strings"
)

// Place is where a file lies: its root, the folder in it with slashes ("" for the root), and its name.
type Place struct {
	RootID    int64
	Dir, Name string
}

// Stat is what a file looked like when it was last read.
type Stat struct {
	Size    int64
	MTimeNS int64
}

// File is a file of the index.
type File struct {
	ID int64
	Place
	Stat
	Device    uint64
	ContentID int64
	// Labels are written with it; Store.Labels reads them.
	Labels
	// Meta is the version of what read Labels and the picture's metadata.
	Meta int
	// Sidecar is the XMP file that was read with it.
	Sidecar Sidecar
	// Twins are the names, in order, of the files that were looked at as its twins.
	Twins []string
	// TwinFormat is the format of a file that stands behind its JPEG twin: its content is the twin's. Else "".
	TwinFormat string
	// Embedded tells whether the content has a vector of the model that was asked about.
	Embedded bool
	// Preview tells whether the content has a preview.
	Preview bool
	// Gone tells that an earlier run saw it gone and kept it.
	Gone bool
}

// Labels are what the owner says of a file.
type Labels struct {
	// Rating is 1 to 5 stars, 0 for none, -1 for rejected; Rated is false where nothing is said.
	Rating   int
	Rated    bool
	Keywords []string
}

// Sidecar is a file beside a picture's that says more of it. Its zero value: there is none.
type Sidecar struct {
	Name string
	Stat
}

// fileColumns are a file's columns behind its place; scanFile reads them. They are read of every file in every run, so they are few:
// what is true of it is one number, and what few files have is read when that says so (addRare).
const fileColumns = `f.id, f.size, f.mtime_ns, f.device, f.content_id, f.meta, (f.gone_run IS NOT NULL)
	+ 2 * EXISTS (SELECT 1 FROM embeddings e WHERE e.model_id = ? AND e.content_id = f.content_id)
	+ 4 * EXISTS (SELECT 1 FROM previews p WHERE p.content_id = f.content_id)
	+ 8 * (` + hasRare + `)`

// hasRare selects the files with a sidecar or twins.
const hasRare = "f.sidecar IS NOT NULL OR f.twins IS NOT NULL OR f.twin_format IS NOT NULL"

// oldFileColumns are those of an index from before labels.
const oldFileColumns = `f.id, f.size, f.mtime_ns, f.device, f.content_id, 0, (f.gone_run IS NOT NULL)
	+ 2 * EXISTS (SELECT 1 FROM embeddings e WHERE e.model_id = ? AND e.content_id = f.content_id)`

// fileColumns are those of the open index.
func (s *Store) fileColumns() string {
	if s.schema < schemaLabels {
		return oldFileColumns
	}
	return fileColumns
}

// scanFile reads a file; rare tells that it has more than that.
func scanFile(scan scanFunc, f *File, first ...any) (rare bool, err error) {
	var flags int
	err = scan(append(first, &f.ID, &f.Size, &f.MTimeNS, (*deviceID)(&f.Device), &f.ContentID, &f.Meta, &flags)...)
	f.Gone, f.Embedded, f.Preview = flags&1 != 0, flags&2 != 0, flags&4 != 0
	return flags&8 != 0, err
}

// addRare reads sidecar and twins of the files of a folder that have them, or of one file, whose name is given.
func addRare(ctx context.Context, q querier, rootID int64, dir, name string, add func(name string, change func(*File))) error {
	query := "SELECT f.name, f.sidecar, f.sidecar_size, f.sidecar_mtime_ns, f.twins, f.twin_format FROM files f WHERE f.root_id = ? AND f.dir = ? AND (" + hasRare + ")"
	args := []any{rootID, []byte(dir)}
	if name != "" {
		query += " AND f.name = ?"
		args = append(args, []byte(name))
	}
	_, err := collect(ctx, q, query, func(scan scanFunc) (struct{}, error) {
		var name, sidecar, twins []byte
		var beside Sidecar
		var format sql.NullString
		if err := scan(&name, &sidecar, &beside.Size, &beside.MTimeNS, &twins, &format); err != nil {
			return struct{}{}, err
		}
		beside.Name = string(sidecar)
		add(string(name), func(f *File) {
			f.Sidecar, f.TwinFormat = beside, format.String
			if len(twins) > 0 {
				f.Twins = strings.Split(string(twins), "/")
			}
		})
		return struct{}{}, nil
	}, args...)
	return explain(err)
}

// FolderFiles returns the files directly in one folder, by name.
func (s *Store) FolderFiles(ctx context.Context, rootID int64, dir string, modelID int64) (map[string]*File, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT f.name, "+s.fileColumns()+" FROM files f WHERE f.root_id = ? AND f.dir = ?", modelID, rootID, []byte(dir))
	if err != nil {
		return nil, explain(err)
	}
	defer rows.Close()
	files := make(map[string]*File)
	anyRare := false
	for rows.Next() {
		f := &File{Place: Place{RootID: rootID, Dir: dir}}
		var name sql.RawBytes
		rare, err := scanFile(rows.Scan, f, &name)
		if err != nil {
			return nil, err
		}
		anyRare = anyRare || rare
		f.Name = string(name)
		files[f.Name] = f
	}
	if err := rows.Err(); err != nil || !anyRare {
		return files, explain(err)
	}
	return files, addRare(ctx, s.db, rootID, dir, "", func(name string, change func(*File)) {
		if f, ok := files[name]; ok {
			change(f)
		}
	})
}

// Labels returns what the owner says of a file.
func (s *Store) Labels(ctx context.Context, fileID int64) (l Labels, err error) {
	var rating sql.NullInt64
	var keywords sql.NullString
	err = s.db.QueryRowContext(ctx, "SELECT rating, keywords FROM files WHERE id = ?", fileID).Scan(&rating, &keywords)
	l.Rating, l.Rated = int(rating.Int64), rating.Valid
	if keywords.String != "" {
		l.Keywords = strings.Split(keywords.String, "\n")
	}
	return l, explain(err)
}

// Failure is a file whose own bytes are to blame.
type Failure struct {
	Place
	Stat
	// Stage is "sniff" for bystanders, "decode", or "crash".
	Stage, Reason string
	// Decoder is the decoder version that failed.
	Decoder  int
	FailedAt int64
}

// The stages of a Failure.
const (
	StageSniff  = "sniff"
	StageDecode = "decode"
	StageCrash  = "crash"
)

// FolderFailures returns the failures directly in one folder, by name.
func (s *Store) FolderFailures(ctx context.Context, rootID int64, dir string) (map[string]Failure, error) {
	list, err := collect(ctx, s.db, `SELECT root_id, dir, name, size, mtime_ns, stage, reason, decoder, failed_at
		FROM failures WHERE root_id = ? AND dir = ?`, scanFailure, rootID, []byte(dir))
	if err != nil {
		return nil, explain(err)
	}
	byName := make(map[string]Failure, len(list))
	for _, f := range list {
		byName[f.Name] = f
	}
	return byName, nil
}

func scanFailure(scan scanFunc) (Failure, error) {
	var f Failure
	var dir, name []byte
	err := scan(&f.RootID, &dir, &name, &f.Size, &f.MTimeNS, &f.Stage, &f.Reason, &f.Decoder, &f.FailedAt)
	f.Dir, f.Name = string(dir), string(name)
	return f, err
}

// Failures returns all failures but the bystanders, by root and path.
func (s *Store) Failures(ctx context.Context) ([]Failure, error) {
	return collect(ctx, s.db, `SELECT root_id, dir, name, size, mtime_ns, stage, reason, decoder, failed_at
		FROM failures WHERE stage <> 'sniff' ORDER BY root_id, dir, name`, scanFailure)
}

// FailureFolders returns the folders of a root with remembered failures, at start and below it.
func (s *Store) FailureFolders(ctx context.Context, rootID int64, start string) ([]string, error) {
	return failureFolders(ctx, s.db, rootID, start)
}

func failureFolders(ctx context.Context, q querier, rootID int64, start string) ([]string, error) {
	below, args := belowClause("dir", start)
	list, err := collect(ctx, q, "SELECT DISTINCT dir FROM failures WHERE root_id = ? AND "+below+" ORDER BY dir",
		func(scan scanFunc) (string, error) {
			var dir []byte
			err := scan(&dir)
			return string(dir), err
		}, append([]any{rootID}, args...)...)
	return list, explain(err)
}

// Devices returns the devices on which a root's files were last read.
func (s *Store) Devices(ctx context.Context, rootID int64) (map[uint64]bool, error) {
	list, err := collect(ctx, s.db, "SELECT DISTINCT device FROM files WHERE root_id = ?", func(scan scanFunc) (uint64, error) {
		var d deviceID
		err := scan(&d)
		return uint64(d), err
	}, rootID)
	set := make(map[uint64]bool, len(list))
	for _, d := range list {
		set[d] = true
	}
	return set, explain(err)
}

// FolderCount is a folder of the index with the number of files directly in it.
type FolderCount struct {
	Dir   string
	Files int
}

// Folders returns the folders of a root that hold files, at start and below it.
func (s *Store) Folders(ctx context.Context, rootID int64, start string) ([]FolderCount, error) {
	return folders(ctx, s.db, rootID, start)
}

func folders(ctx context.Context, q querier, rootID int64, start string) ([]FolderCount, error) {
	below, args := belowClause("dir", start)
	list, err := collect(ctx, q, "SELECT dir, count(*) FROM files WHERE root_id = ? AND "+below+" GROUP BY dir ORDER BY dir",
		func(scan scanFunc) (FolderCount, error) {
			var f FolderCount
			var dir []byte
			err := scan(&dir, &f.Files)
			f.Dir = string(dir)
			return f, err
		}, append([]any{rootID}, args...)...)
	return list, explain(err)
}

// belowClause selects the folder start and what is below it. '0' is the byte after '/'.
func belowClause(column, start string) (string, []any) {
	if start == "" {
		return "1", nil
	}
	return "(" + column + " = ? OR " + column + " >= ? AND " + column + " < ?)",
		[]any{[]byte(start), []byte(start + "/"), []byte(start + "0")}
}

// CountFiles returns how many files a root has.
func (s *Store) CountFiles(ctx context.Context, rootID int64) (n int, err error) {
	return countFiles(ctx, s.db, rootID)
}

func countFiles(ctx context.Context, q querier, rootID int64) (n int, err error) {
	err = q.QueryRowContext(ctx, "SELECT count(*) FROM files WHERE root_id = ?", rootID).Scan(&n)
	return n, explain(err)
}

// FileAt returns one file; ok is false where the index has none.
func (s *Store) FileAt(ctx context.Context, at Place, modelID int64) (f File, ok bool, err error) {
	return fileAt(ctx, s.db, at, modelID, s.fileColumns())
}

func fileAt(ctx context.Context, q querier, at Place, modelID int64, columns string) (f File, ok bool, err error) {
	f.Place = at
	rare, err := scanFile(q.QueryRowContext(ctx, "SELECT "+columns+" FROM files f WHERE f.root_id = ? AND f.dir = ? AND f.name = ?",
		modelID, at.RootID, []byte(at.Dir), []byte(at.Name)).Scan, &f)
	if errors.Is(err, sql.ErrNoRows) {
		return f, false, nil
	}
	if err == nil && rare {
		err = addRare(ctx, q, at.RootID, at.Dir, at.Name, func(_ string, change func(*File)) { change(&f) })
	}
	return f, err == nil, explain(err)
}

// FailureAt returns what is remembered of one file.
func (s *Store) FailureAt(ctx context.Context, at Place) (f Failure, ok bool, err error) {
	f, err = scanFailure(s.db.QueryRowContext(ctx, `SELECT root_id, dir, name, size, mtime_ns, stage, reason, decoder, failed_at
		FROM failures WHERE root_id = ? AND dir = ? AND name = ?`, at.RootID, []byte(at.Dir), []byte(at.Name)).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return f, false, nil
	}
	return f, err == nil, explain(err)
}

// Known is what the index has of a content: its number, and whether it has a vector of the model that was asked about, and a
// preview.
type Known struct {
	ID                int64
	Embedded, Preview bool
}

// Content finds a picture by its hash; ok is false where it is not known.
func (s *Store) Content(ctx context.Context, hash [32]byte, modelID int64) (k Known, ok bool, err error) {
	preview := "EXISTS (SELECT 1 FROM previews p WHERE p.content_id = contents.id)"
	if s.schema < schemaLabels {
		preview = "0"
	}
	err = s.db.QueryRowContext(ctx, "SELECT id, EXISTS (SELECT 1 FROM embeddings e WHERE e.model_id = ? AND e.content_id = contents.id), "+preview+
		" FROM contents WHERE sha256 = ?", modelID, hash[:]).Scan(&k.ID, &k.Embedded, &k.Preview)
	if errors.Is(err, sql.ErrNoRows) {
		return k, false, nil
	}
	return k, err == nil, explain(err)
}

// FilesOf returns the files of one content, by root and path.
func (s *Store) FilesOf(ctx context.Context, contentID int64) ([]File, error) {
	list, err := collect(ctx, s.db, `SELECT id, root_id, dir, name, size, mtime_ns, device FROM files
		WHERE content_id = ? ORDER BY root_id, dir, name`, func(scan scanFunc) (File, error) {
		f := File{ContentID: contentID}
		var dir, name []byte
		err := scan(&f.ID, &f.RootID, &dir, &name, &f.Size, &f.MTimeNS, (*deviceID)(&f.Device))
		f.Dir, f.Name = string(dir), string(name)
		return f, err
	}, contentID)
	return list, explain(err)
}

// Suspects returns the files that were in flight when a run died.
func (s *Store) Suspects(ctx context.Context) (map[Place]bool, error) {
	list, err := collect(ctx, s.db, "SELECT root_id, dir, name FROM suspects", func(scan scanFunc) (Place, error) {
		var p Place
		var dir, name []byte
		err := scan(&p.RootID, &dir, &name)
		p.Dir, p.Name = string(dir), string(name)
		return p, err
	})
	set := make(map[Place]bool, len(list))
	for _, p := range list {
		set[p] = true
	}
	return set, explain(err)
}
