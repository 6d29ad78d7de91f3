package sqlite

import (
	"context"
	"database/sql"
	"errors"
)

// Under selects the files below a folder of one root; "" is all of it.
type Under struct {
	RootID int64
	Dir    string
}

// underClause selects files by any of the folders; none selects every file.
func underClause(under []Under) (clause string, args []any) {
	if under == nil {
		return "1", nil
	}
	clause = "0"
	for _, u := range under {
		below, dirArgs := belowClause("f.dir", u.Dir)
		clause += " OR f.root_id = ? AND " + below
		args = append(append(args, u.RootID), dirArgs...)
	}
	return "(" + clause + ")", args
}

// VectorsAfter calls each with the vectors of a model that came after a number, in their order; of an index from before they
// had numbers, with all, the number being 0. The bytes are valid during the call only.
func (s *Store) VectorsAfter(ctx context.Context, modelID, seq int64, each func(seq, contentID int64, vector []byte) error) error {
	query := "SELECT seq, content_id, vector FROM embeddings WHERE model_id = ? AND seq > ? ORDER BY seq"
	if s.schema < schemaSearch {
		query = "SELECT 0, content_id, vector FROM embeddings WHERE model_id = ? AND ? >= 0"
	}
	rows, err := s.db.QueryContext(ctx, query, modelID, seq)
	if err != nil {
		return explain(err)
	}
	defer rows.Close()
	for rows.Next() {
		var number, id int64
		var vector sql.RawBytes
		if err := rows.Scan(&number, &id, &vector); err != nil {
			return explain(err)
		}
		if err := each(number, id, vector); err != nil {
			return err
		}
	}
	return explain(rows.Err())
}

// ContentsUnder returns the contents that have a file under one of the folders.
func (s *Store) ContentsUnder(ctx context.Context, under []Under) ([]int64, error) {
	clause, args := underClause(under)
	ids, err := collect(ctx, s.db, "SELECT DISTINCT f.content_id FROM files f WHERE "+clause, func(scan scanFunc) (int64, error) {
		var id int64
		return id, scan(&id)
	}, args...)
	return ids, explain(err)
}

// FlatFile is what the index knows of a model's vector file (package flat).
type FlatFile struct {
	Token     uint64
	Seq, Rows int64
}

// FlatFile returns what was noted last; ok is false where there is no file.
func (s *Store) FlatFile(ctx context.Context, modelID int64) (f FlatFile, ok bool, err error) {
	if s.schema < schemaSearch {
		return f, false, nil
	}
	var token int64
	err = s.db.QueryRowContext(ctx, "SELECT token, seq, rows FROM flat_files WHERE model_id = ?", modelID).Scan(&token, &f.Seq, &f.Rows)
	if errors.Is(err, sql.ErrNoRows) {
		return f, false, nil
	}
	f.Token = uint64(token)
	return f, err == nil, explain(err)
}

// NoteFlatFile notes how a model's vector file is now.
func (s *Store) NoteFlatFile(ctx context.Context, modelID int64, f FlatFile) error {
	_, err := s.db.ExecContext(ctx, "INSERT OR REPLACE INTO flat_files(model_id, token, seq, rows) VALUES (?, ?, ?, ?)", modelID, int64(f.Token), f.Seq, f.Rows)
	return explain(err)
}

// LastVector is the number of the last vector of any model, which is at hand.
func (s *Store) LastVector(ctx context.Context) (last int64, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT coalesce(max(seq), 0) FROM embeddings").Scan(&last)
	return last, explain(err)
}

// VectorCount counts the vectors of a model, with and without a file.
func (s *Store) VectorCount(ctx context.Context, modelID int64) (n int64, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT count(*) FROM embeddings WHERE model_id = ?", modelID).Scan(&n)
	return n, explain(err)
}

// Hit is a content as a search shows it.
type Hit struct {
	ContentID     int64
	Width, Height int
	TakenAt       string
	Files         []HitFile // that the filter selects, by root and path
}

// HitFile is a file of a hit. IsTwin tells that it stands behind its JPEG twin, another of them.
type HitFile struct {
	Place
	IsTwin bool
}

// Hits looks up what contents are, one after another. It is for one goroutine, and holds a statement until Close.
type Hits struct {
	stmt   *sql.Stmt
	filter Filter
	args   []any
}

// Hits prepares to look up contents with those of their files that a filter selects.
func (s *Store) Hits(ctx context.Context, f Filter) (*Hits, error) {
	if err := s.checkFilter(f); err != nil {
		return nil, err
	}
	keywords := "f.keywords"
	if s.schema < schemaLabels {
		keywords = "NULL"
	}
	clause, args := f.fileClause()
	asked, values := f.askedFormats(s.schema)
	args = append(args, values...)
	stmt, err := s.db.PrepareContext(ctx, "SELECT c.width, c.height, c.taken_at, f.root_id, f.dir, f.name, "+s.isTwin()+", "+keywords+
		" FROM "+filesAndContents+" WHERE f.content_id = ? AND "+clause+" AND "+asked)
	if err != nil {
		return nil, explain(err)
	}
	return &Hits{stmt, f, args}, nil
}

// Hit returns one content; one that was dropped meanwhile has no files.
func (h *Hits) Hit(ctx context.Context, contentID int64) (hit Hit, err error) {
	hit.ContentID = contentID
	rows, err := h.stmt.QueryContext(ctx, append([]any{contentID}, h.args...)...)
	if err != nil {
		return hit, explain(err)
	}
	defer rows.Close()
	for rows.Next() {
		var taken, keywords sql.NullString
		var file HitFile
		var dir, name sql.RawBytes
		if err := rows.Scan(&hit.Width, &hit.Height, &taken, &file.RootID, &dir, &name, &file.IsTwin, &keywords); err != nil {
			return hit, explain(err)
		}
		hit.TakenAt = taken.String
		file.Dir, file.Name = string(dir), string(name)
		if h.filter.keepsFile(file.Dir, file.Name, keywords.String) {
			hit.Files = append(hit.Files, file)
		}
	}
	return hit, explain(rows.Err())
}

// Close gives the statement back.
func (h *Hits) Close() error { return h.stmt.Close() }

// Watch notices changes that other connections and processes commit. It holds a connection until Close.
type Watch struct {
	conn    *sql.Conn
	version int64
}

// Watch starts to watch the index as it is now.
func (s *Store) Watch(ctx context.Context) (*Watch, error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return nil, explain(err)
	}
	w := &Watch{conn: conn}
	_, err = w.Changed(ctx)
	return w, err
}

// Changed tells whether the index has changed since the last call.
func (w *Watch) Changed(ctx context.Context) (bool, error) {
	var v int64
	// data_version compares with what this one connection saw before.
	if err := w.conn.QueryRowContext(ctx, "PRAGMA data_version").Scan(&v); err != nil {
		return false, explain(err)
	}
	changed := v != w.version
	w.version = v
	return changed, nil
}

// Close gives the connection back.
func (w *Watch) Close() error { return w.conn.Close() }

// Counts are the index's totals.
type Counts struct {
	Roots, Files, Contents, Embedded, Failures int
	Bytes                                      int64 // of the photos
}

// Count returns the totals; Embedded is the contents with a file that have a vector of the model.
func (s *Store) Count(ctx context.Context, modelID int64) (c Counts, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM roots), (SELECT count(*) FROM files), (SELECT coalesce(sum(size), 0) FROM files),
		(SELECT count(DISTINCT content_id) FROM files),
		(SELECT count(*) FROM embeddings e WHERE e.model_id = ? AND EXISTS (SELECT 1 FROM files f WHERE f.content_id = e.content_id)),
		(SELECT count(*) FROM failures WHERE stage <> 'sniff')`, modelID).
		Scan(&c.Roots, &c.Files, &c.Bytes, &c.Contents, &c.Embedded, &c.Failures)
	return c, explain(err)
}

// SamplePlaces returns at most n files, spread evenly over the index.
func (s *Store) SamplePlaces(ctx context.Context, n int) ([]Place, error) {
	return collect(ctx, s.db, `SELECT root_id, dir, name FROM (SELECT root_id, dir, name, id, row_number() OVER (ORDER BY id) - 1 AS nr, count(*) OVER () AS total FROM files)
		WHERE nr % max(total / ?, 1) = 0 ORDER BY id LIMIT ?`,
		func(scan scanFunc) (Place, error) {
			var p Place
			var dir, name []byte
			err := scan(&p.RootID, &dir, &name)
			p.Dir, p.Name = string(dir), string(name)
			return p, err
		}, n, n)
}
