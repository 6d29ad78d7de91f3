package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"
)

// Filter selects contents by what is known of them and of their files. Its zero value selects all that have a file.
type Filter struct {
	// Under keeps contents with a file in one of these folders; nil: anywhere.
	Under []Under
	// Name keeps contents with a file of whose folder and name it is true; nil: any.
	Name func(dir, name string) bool
	// TakenFrom and TakenTo bound the local time at which the picture was taken, as "2006-01-02T15:04:05", the second one
	// not included; "": no bound. A picture without a time is not selected by a bound.
	TakenFrom, TakenTo string
	// Formats keeps contents with a file of one of these formats; nil: any.
	Formats []string
	// Rating keeps contents with a file of as many stars, 0 where it has no rating.
	Rating Range
	// Keywords keeps contents with a file of whose keywords, one a line, it is true; nil: any.
	Keywords func(lines string) bool
	// Camera and Lens are told the camera and the lens; nil: any.
	Camera, Lens func(string) bool
	// Where is told the place in degrees; nil: any. South, North, West and East bound it: a box around what Where accepts.
	// A West greater than East crosses the 180th meridian.
	Where                    func(latitude, longitude float64) bool
	South, North, West, East float64
	// Width, Height and Pixels are bounds of the upright picture.
	Width, Height, Pixels Range
	// Shape compares width and height: "landscape", "portrait", "square", or "" for any.
	Shape string
}

// Range is a range of numbers, both ends included; a nil end is open.
type Range struct{ Min, Max *float64 }

func (r Range) isOpen() bool { return r.Min == nil && r.Max == nil }

// IsAll tells that the filter selects everything.
func (f *Filter) IsAll() bool {
	return !f.byFile() && f.Formats == nil && f.Camera == nil && f.Lens == nil && f.Where == nil && f.TakenFrom == "" && f.TakenTo == "" &&
		f.Width.isOpen() && f.Height.isOpen() && f.Pixels.isOpen() && f.Shape == ""
}

// byFile tells that the filter asks about files, of which a content may have several.
func (f *Filter) byFile() bool {
	return f.Under != nil || f.Name != nil || f.ByLabels()
}

// ByLabels tells that the filter asks what the owner says of files.
func (f *Filter) ByLabels() bool { return !f.Rating.isOpen() || f.Keywords != nil }

// needsLabels tells that the filter asks what indexes of the first schemas do not have.
func (f *Filter) needsLabels() bool { return f.ByLabels() || f.Lens != nil }

// Selects tells whether the filter selects a picture of one file by what is known of it; Under and Name are left out.
func (f *Filter) Selects(c Content, l Labels) bool {
	local := c.TakenAt[:min(len(c.TakenAt), len("2006-01-02T15:04:05"))]
	switch {
	case f.TakenFrom != "" && (local == "" || local < f.TakenFrom), f.TakenTo != "" && (local == "" || local >= f.TakenTo):
		return false
	case f.Formats != nil && !slices.Contains(f.Formats, c.Format):
		return false
	case !f.Rating.holds(l.Rating) || f.Keywords != nil && !f.Keywords(strings.Join(l.Keywords, "\n")):
		return false
	case f.Camera != nil && !f.Camera(c.Camera), f.Lens != nil && !f.Lens(c.Lens), f.Where != nil && !(c.HasGPS && f.Where(c.Latitude, c.Longitude)):
		return false
	case !f.Width.holds(c.Width) || !f.Height.holds(c.Height) || !f.Pixels.holds(c.Width*c.Height):
		return false
	}
	switch f.Shape {
	case "landscape":
		return c.Width > c.Height
	case "portrait":
		return c.Width < c.Height
	case "square":
		return c.Width == c.Height
	}
	return true
}

func (r Range) holds(n int) bool {
	return (r.Min == nil || float64(n) >= *r.Min) && (r.Max == nil || float64(n) <= *r.Max)
}

// Matching returns the contents that a filter selects, each once, in no order.
func (s *Store) Matching(ctx context.Context, f Filter) ([]int64, error) {
	var ids []int64
	seen := make(map[int64]bool)
	copies := f.byFile()
	_, err := s.match(ctx, f, "", func(id int64) bool {
		if !copies || !seen[id] {
			ids = append(ids, id)
		}
		if copies {
			seen[id] = true
		}
		return true
	})
	return ids, err
}

// Newest calls each with the contents that a filter selects by time taken, the newest first, those without a time last, until
// it returns false. first is how many each will probably want.
func (s *Store) Newest(ctx context.Context, f Filter, first int, each func(id int64) bool) error {
	// A limit spares the database the sorting of all. Where more are wanted, it sorts again what there is by then.
	told := make(map[int64]bool)
	for limit := 4*first + 100; ; limit *= 16 {
		ended := false
		rows, err := s.match(ctx, f, fmt.Sprintf(" ORDER BY c.taken_at IS NULL, c.taken_at DESC, c.id LIMIT %d", limit), func(id int64) bool {
			if told[id] {
				return true
			}
			told[id] = true
			ended = !each(id)
			return !ended
		})
		if err != nil || ended || rows < limit {
			return err
		}
	}
}

// match calls each with the contents that a filter selects until it returns false, those of which it asks about files once for each
// file, and counts the rows that it read.
func (s *Store) match(ctx context.Context, f Filter, order string, each func(id int64) bool) (n int, err error) {
	if err := s.checkFilter(f); err != nil {
		return 0, err
	}
	where, args, done := f.clause(s.schema)
	defer done()
	rows, err := s.db.QueryContext(ctx, "SELECT c.id FROM "+f.from()+" WHERE "+where+order, args...)
	if err != nil {
		return 0, explain(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return n, explain(err)
		}
		n++
		if !each(id) {
			return n, nil
		}
	}
	return n, explain(rows.Err())
}

// MatchingFiles calls each with the files that a filter selects, those of one content one after another.
func (s *Store) MatchingFiles(ctx context.Context, f Filter, each func(id int64, file HitFile)) error {
	if err := s.checkFilter(f); err != nil {
		return err
	}
	where, args, done := f.clause(s.schema)
	defer done()
	asked, values := f.askedFormats(s.schema)
	rows, err := s.db.QueryContext(ctx, "SELECT c.id, f.root_id, f.dir, f.name, "+s.isTwin()+" FROM "+filesAndContents+
		" WHERE "+where+" AND "+asked+" ORDER BY c.id", append(args, values...)...)
	if err != nil {
		return explain(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var file HitFile
		var dir, name sql.RawBytes
		if err := rows.Scan(&id, &file.RootID, &dir, &name, &file.IsTwin); err != nil {
			return explain(err)
		}
		file.Dir, file.Name = string(dir), string(name)
		each(id, file)
	}
	return explain(rows.Err())
}

// isTwin is the expression that tells a file which stands behind its twin.
func (s *Store) isTwin() string {
	if s.schema < schemaLabels {
		return "0"
	}
	return "f.twin_format IS NOT NULL"
}

const filesAndContents = "files f JOIN contents c ON c.id = f.content_id"

// from are the tables that the filter's clause is about.
func (f *Filter) from() string {
	if f.byFile() {
		return filesAndContents
	}
	return "contents c"
}

// checkFilter refuses to ask an older index what it does not know.
func (s *Store) checkFilter(f Filter) error {
	if f.needsLabels() && s.schema < schemaLabels {
		return fmt.Errorf("%w: it does not know ratings, keywords and lenses yet; `imgsearch index` brings it up to date", errOlder)
	}
	return nil
}

// clause is the filter in SQL. done is called when its statement has ended.
func (f *Filter) clause(schema int) (where string, args []any, done func()) {
	files, args := f.fileClause()
	parts := []string{"c.orphaned_at IS NULL", files}
	add := func(part string, values ...any) {
		parts = append(parts, part)
		args = append(args, values...)
	}
	if f.Formats != nil {
		in, values := f.formatsClause()
		own := "c.format IN " + in
		if schema < schemaLabels {
			add(own, values...)
		} else {
			add("("+own+" OR EXISTS (SELECT 1 FROM files t WHERE t.content_id = c.id AND t.twin_format IN "+in+"))", append(values, values...)...)
		}
	}
	// The zone, where there is one, stands behind the 19 characters of the local time.
	if f.TakenFrom != "" {
		add("substr(c.taken_at, 1, 19) >= ?", f.TakenFrom)
	}
	if f.TakenTo != "" {
		add("substr(c.taken_at, 1, 19) < ?", f.TakenTo)
	}
	for column, r := range map[string]Range{"c.width": f.Width, "c.height": f.Height, "c.width * c.height": f.Pixels} {
		if r.Min != nil {
			add(column+" >= ?", *r.Min)
		}
		if r.Max != nil {
			add(column+" <= ?", *r.Max)
		}
	}
	switch f.Shape {
	case "landscape":
		add("c.width > c.height")
	case "portrait":
		add("c.width < c.height")
	case "square":
		add("c.width = c.height")
	}
	if f.Where != nil {
		add("c.latitude BETWEEN ? AND ?", f.South, f.North)
		if f.West <= f.East {
			add("c.longitude BETWEEN ? AND ?", f.West, f.East)
		} else {
			add("(c.longitude >= ? OR c.longitude <= ?)", f.West, f.East)
		}
	}
	// The database asks from left to right: the functions are asked about what is left. Those of files are told the content too, which
	// they do not need, so that they are not asked before it is looked at.
	var lent []func()
	ask := func(columns string, keep predicate) {
		number, done := lend(keep)
		lent = append(lent, done)
		add(keepsFunction+"(?, "+columns+")", number)
	}
	if f.Where != nil {
		ask("c.latitude, c.longitude", func(v []driver.Value) bool { return f.Where(float(v[0]), float(v[1])) })
	}
	if f.Name != nil {
		ask("f.dir, f.name, c.id", func(v []driver.Value) bool { return f.Name(text(v[0]), text(v[1])) })
	}
	if f.Keywords != nil {
		ask("f.keywords, c.id", func(v []driver.Value) bool { return f.Keywords(text(v[0])) })
	}
	if f.Camera != nil {
		ask("c.camera", func(v []driver.Value) bool { return f.Camera(text(v[0])) })
	}
	if f.Lens != nil {
		ask("c.lens", func(v []driver.Value) bool { return f.Lens(text(v[0])) })
	}
	return strings.Join(parts, " AND "), args, func() {
		for _, takeBack := range lent {
			takeBack()
		}
	}
}

// fileClause is what the database decides of a content's files.
func (f *Filter) fileClause() (where string, args []any) {
	parts := []string{"1"}
	if f.Under != nil {
		under, values := underClause(f.Under)
		parts, args = append(parts, under), append(args, values...)
	}
	if f.Rating.Min != nil {
		parts, args = append(parts, "coalesce(f.rating, 0) >= ?"), append(args, *f.Rating.Min)
	}
	if f.Rating.Max != nil {
		parts, args = append(parts, "coalesce(f.rating, 0) <= ?"), append(args, *f.Rating.Max)
	}
	return strings.Join(parts, " AND "), args
}

// askedFormats selects, of a pair, those files that are asked for.
func (f *Filter) askedFormats(schema int) (where string, args []any) {
	if f.Formats == nil || schema < schemaLabels {
		return "1", nil
	}
	in, args := f.formatsClause()
	return "coalesce(f.twin_format, c.format) IN " + in, args
}

// formatsClause are the formats as SQL has them behind IN.
func (f *Filter) formatsClause() (in string, args []any) {
	for _, format := range f.Formats {
		args = append(args, format)
	}
	return marks(len(args)), args
}

// marks is a list of n parameters in brackets.
func marks(n int) string { return "(" + strings.TrimSuffix(strings.Repeat("?, ", n), ", ") + ")" }

// keepsFile decides what is not in fileClause.
func (f *Filter) keepsFile(dir, name, keywords string) bool {
	return (f.Name == nil || f.Name(dir, name)) && (f.Keywords == nil || f.Keywords(keywords))
}

// ContentVector returns a content's vector of a model as it is stored; ok is false where it has none.
func (s *Store) ContentVector(ctx context.Context, modelID, contentID int64) (vector []byte, ok bool, err error) {
	list, err := collect(ctx, s.db, "SELECT vector FROM embeddings WHERE model_id = ? AND content_id = ?", func(scan scanFunc) ([]byte, error) {
		var v []byte
		return v, scan(&v)
	}, modelID, contentID)
	if err != nil || len(list) == 0 {
		return nil, false, explain(err)
	}
	return list[0], true, nil
}

// Copied returns the contents that more than one file holds, twins left out.
func (s *Store) Copied(ctx context.Context) ([]int64, error) {
	own := "1"
	if s.schema >= schemaLabels {
		own = "twin_format IS NULL"
	}
	ids, err := collect(ctx, s.db, "SELECT content_id FROM files WHERE "+own+" GROUP BY content_id HAVING count(*) > 1", func(scan scanFunc) (int64, error) {
		var id int64
		return id, scan(&id)
	})
	return ids, explain(err)
}

// ContentHash is what makes a content the picture that it is (decode.Identity).
func (s *Store) ContentHash(ctx context.Context, id int64) (hash [32]byte, err error) {
	var raw []byte
	err = s.db.QueryRowContext(ctx, "SELECT sha256 FROM contents WHERE id = ?", id).Scan(&raw)
	copy(hash[:], raw)
	return hash, explain(err)
}
