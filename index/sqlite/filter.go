package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"runtime"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"github.com/imgsearch/imgsearch/index/internal/column"
	"github.com/imgsearch/imgsearch/index/store"
)

// A filter becomes one query on pictures (p), one on texts (t), one for each label and one on files (f); each rule is a condition of one of them.
// Their results are intersected, and the results of the filters under Not are subtracted.

// where is a condition under construction.
type where struct {
	parts []string
	args  []any
}

func (w *where) add(part string, args ...any) {
	w.parts = append(w.parts, part)
	w.args = append(w.args, args...)
}

func (w *where) sql() string {
	if len(w.parts) == 0 {
		return "1"
	}
	return strings.Join(w.parts, " AND ")
}

// or joins conditions with OR; an empty list is false.
func or(parts []string) string {
	if len(parts) == 0 {
		return "0"
	}
	return "(" + strings.Join(parts, " OR ") + ")"
}

// marks returns a list of n parameters in parentheses.
func marks(n int) string { return "(" + strings.TrimSuffix(strings.Repeat("?, ", n), ", ") + ")" }

// rootID is the expression for a root's row id.
const rootID = "(SELECT id FROM roots WHERE uid = ?)"

// ofFiles adds the rules about files.
func (w *where) ofFiles(f store.Filter) {
	if f.Under != nil {
		var parts []string
		var args []any
		for _, u := range f.Under {
			below, dirs := belowClause("f.dir", u.Dir)
			parts, args = append(parts, "f.root_id = "+rootID+" AND "+below), append(append(args, string(u.Root)), dirs...)
		}
		w.add(or(parts), args...)
	}
	if f.Formats != nil {
		var args []any
		for _, format := range f.Formats {
			args = append(args, format)
		}
		w.add("f.format IN "+marks(len(args)), args...)
	}
	w.inRange("coalesce(f.rating, 0)", f.Rating)
	for _, glob := range f.Keywords {
		w.add("f.keywords IN (SELECT id FROM words WHERE kind = 3 AND imgsearch_keyword(?, text))", store.Fold(glob))
	}
	for _, glob := range f.People {
		w.add("f.people IN (SELECT id FROM words WHERE kind = 4 AND imgsearch_person(?, text))", store.FoldText(glob))
	}
	if len(f.Names) > 0 {
		parts, args := make([]string, len(f.Names)), []any(nil)
		for i, glob := range f.Names {
			part, values := nameClause(store.Fold(glob))
			parts[i], args = part, append(args, values...)
		}
		w.add(or(parts), args...)
	}
}

// nameClause returns a condition that a folded glob matches. For common globs such as "*.jpg" the database compares ASCII names itself,
// which takes a third of the time; for other names it calls the function, which knows how letters fold.
func nameClause(glob string) (string, []any) {
	if strings.Contains(glob, "/") {
		return "imgsearch_name(?, f.dir, f.name)", []any{glob}
	}
	suffix, ok := strings.CutPrefix(glob, "*")
	if !ok || suffix == "" || strings.ContainsFunc(suffix, func(r rune) bool { return r >= utf8.RuneSelf || strings.ContainsRune(`*?[]{}\`, r) }) {
		return "imgsearch_name(?, '', f.name)", []any{glob}
	}
	like := "%" + strings.NewReplacer("%", `\%`, "_", `\_`).Replace(suffix)
	return `(CAST(f.name AS TEXT) LIKE ? ESCAPE '\' OR length(f.name) <> length(CAST(f.name AS TEXT)) AND imgsearch_name(?, '', f.name))`, []any{like, glob}
}

// ofPictures adds the rules about pictures.
func (w *where) ofPictures(f store.Filter) {
	if f.Pictures != nil {
		ids := make([]string, len(f.Pictures))
		for i, id := range f.Pictures {
			ids[i] = id.String()
		}
		list, err := json.Marshal(ids)
		if err != nil {
			panic(err) // hexadecimal digits
		}
		w.add("p.id IN (SELECT q.id FROM json_each(?) j JOIN pictures q ON q.sha256 = unhex(j.value))", string(list))
	}
	w.inPeriod("p.taken_at", f.Taken)
	w.named("p.camera", column.Camera, f.Cameras)
	w.named("p.lens", column.Lens, f.Lenses)
	w.inRange("p.width", f.Width)
	w.inRange("p.height", f.Height)
	w.inRange("p.width * p.height", f.Pixels)
	switch f.Shape {
	case store.Landscape:
		w.add("p.width > p.height")
	case store.Portrait:
		w.add("p.width < p.height")
	case store.Square:
		w.add("p.width = p.height")
	}
	if len(f.Places) > 0 {
		var ids []int
		for _, p := range f.Places {
			ids = append(ids, p.IDs...)
		}
		list, err := json.Marshal(ids)
		if err != nil {
			panic(err) // numbers
		}
		w.add("p.place IN (SELECT value FROM json_each(?))", string(list))
	}
	if f.Near != nil {
		south, north, west, east := f.Near.Box()
		w.add("p.latitude BETWEEN ? AND ?", south, north)
		if west <= east {
			w.add("p.longitude BETWEEN ? AND ?", west, east)
		} else {
			w.add("(p.longitude >= ? OR p.longitude <= ?)", west, east)
		}
		w.add("imgsearch_metres(?, ?, p.latitude, p.longitude) <= ?", f.Near.Centre.Latitude, f.Near.Centre.Longitude, f.Near.Radius)
	}
}

func (w *where) inPeriod(column string, p store.Period) {
	from, to := p.Bounds()
	if from != "" {
		w.add(column+" >= ?", from)
	}
	if to != "" {
		w.add(column+" < ?", to)
	}
}

func (w *where) inRange(column string, r store.Range) {
	if r.Min != nil {
		w.add(column+" >= ?", *r.Min)
	}
	if r.Max != nil {
		w.add(column+" <= ?", *r.Max)
	}
}

// named adds a condition on the words of a name: all words of at least one set must occur.
func (w *where) named(column string, kind int, sets []store.Words) {
	if len(sets) == 0 {
		return
	}
	parts := make([]string, len(sets))
	args := []any{kind}
	for i, words := range sets {
		parts[i] = "1"
		for _, word := range words {
			parts[i] += " AND instr(folded, ?) > 0"
			args = append(args, word)
		}
	}
	w.add(column+" IN (SELECT id FROM words WHERE kind = ? AND "+or(parts)+")", args...)
}

// belowClause selects the folder start and everything below it. '0' is the byte after '/'.
func belowClause(column, start string) (string, []any) {
	if start == "" {
		return "1", nil
	}
	return "(" + column + " = ? OR " + column + " >= ? AND " + column + " < ?)",
		[]any{[]byte(start), []byte(start + "/"), []byte(start + "0")}
}

// selected returns the pictures that match a filter.
func (s *Store) selected(ctx context.Context, f store.Filter) (bitmap, error) {
	set, err := s.base(ctx, f)
	if err != nil {
		return nil, err
	}
	for _, not := range f.Not {
		unwanted, err := s.selected(ctx, not)
		if err != nil {
			return nil, err
		}
		set.subtract(unwanted)
	}
	return set, nil
}

// base returns the pictures that match a filter, ignoring Not.
func (s *Store) base(ctx context.Context, f store.Filter) (set bitmap, err error) {
	set = bitmap{}
	ofPictures := f.OfPictures() || !f.OfFiles()
	// The rules about texts and labels have sets of their own, which start without a scan of the pictures if there is no other rule.
	found, err := s.foundSets(ctx, f)
	if err != nil {
		return nil, err
	}
	others := f
	others.Texts, others.Labels = nil, nil
	switch {
	case len(found) > 0 && !others.OfPictures():
		set = found[0]
		orphans, err := s.orphanSet(ctx)
		if err != nil {
			return nil, err
		}
		set.subtract(orphans)
	case ofPictures:
		var w where
		w.add("p.orphaned_at IS NULL")
		w.ofPictures(f)
		// If the only rule is a date, the index on dates covers the query. With other rules, each entry would need a row lookup.
		from := scanned{"pictures", "p NOT INDEXED", "p.id", "p.id", true}
		if rest := f; f.Taken != (store.Period{}) {
			if rest.Taken = (store.Period{}); !rest.OfPictures() {
				from.alias, from.inParts = "p", false
			}
		}
		if set, err = s.scan(ctx, from, w); err != nil {
			return nil, err
		}
	}
	for _, other := range found {
		set.intersect(other)
	}
	if f.OfFiles() {
		var w where
		w.ofFiles(f)
		var ofFiles bitmap
		if ofPictures && set.count() < fewPictures {
			ofFiles, err = s.scanFilesOf(ctx, set, w)
		} else {
			from := scanned{"files", "f NOT INDEXED", "f.id", "f.picture_id", true}
			if f.Under != nil {
				from.alias, from.inParts = "f", false // the files of a folder are adjacent in an index
			}
			ofFiles, err = s.scan(ctx, from, w)
		}
		if err != nil {
			return nil, err
		}
		if !ofPictures {
			return ofFiles, nil
		}
		set.intersect(ofFiles)
	}
	return set, nil
}

// foundSets returns the pictures whose texts contain a filter's phrases, and those that have each of its labels.
func (s *Store) foundSets(ctx context.Context, f store.Filter) (sets []bitmap, err error) {
	if len(f.Texts) > 0 {
		set, err := s.withTexts(ctx, f.Texts)
		if err != nil {
			return nil, err
		}
		sets = append(sets, set)
	}
	for _, name := range f.Labels {
		set, err := s.withLabel(ctx, name)
		if err != nil {
			return nil, err
		}
		sets = append(sets, set)
	}
	return sets, nil
}

// fewPictures is the number of pictures below which their files are looked up one by one instead of scanning all files: about 40 ms of work.
const fewPictures = 20_000

// minRows is the number of rows that are worth another goroutine: about 10 ms of work.
const minRows = 100_000

// scanned describes a table to scan: its name, alias, key column, and the column with the pictures' row ids.
type scanned struct {
	table, alias, key, picture string
	// inParts allows reading the table in parts concurrently, each on its own connection.
	inParts bool
}

// partsOf splits a condition on a table into conditions on parts of the table, of at least this many rows each, that can be read concurrently.
func (s *Store) partsOf(ctx context.Context, from scanned, w where, least int64) ([]where, error) {
	var last int64
	if err := s.read.QueryRowContext(ctx, "SELECT coalesce(max(id), 0) FROM "+from.table).Scan(&last); err != nil {
		return nil, explain(err)
	}
	parts := int64(1)
	if from.inParts && !s.memory {
		parts = min(int64(runtime.GOMAXPROCS(0)), 1+last/least)
	}
	list := make([]where, parts)
	for i := range parts {
		part := where{slices.Clone(w.parts), slices.Clone(w.args)}
		if i > 0 {
			part.add(from.key+" > ?", last*i/parts)
		}
		if i < parts-1 { // rows added in the meantime belong to the last part
			part.add(from.key+" <= ?", last*(i+1)/parts)
		}
		list[i] = part
	}
	return list, nil
}

// scan reads a table and collects the row ids of pictures.
func (s *Store) scan(ctx context.Context, from scanned, w where) (bitmap, error) {
	parts, err := s.partsOf(ctx, from, w, minRows)
	if err != nil {
		return nil, err
	}
	sets := make([]bitmap, len(parts))
	g, ctx := errgroup.WithContext(ctx)
	for i, part := range parts {
		g.Go(func() error {
			return s.collectSet(ctx, &sets[i], "SELECT imgsearch_set("+from.picture+") FROM "+from.table+" "+from.alias+" WHERE "+part.sql(), part.args...)
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for _, more := range sets[1:] {
		sets[0].unite(more)
	}
	return sets[0], nil
}

// scanFilesOf reads the files of pictures and collects the pictures that have a file that meets a condition.
// INDEXED BY is needed because the planner would scan a whole folder each time if the condition names one.
func (s *Store) scanFilesOf(ctx context.Context, pictures bitmap, w where) (set bitmap, err error) {
	err = inChunks(pictures.ids(), func(chunk []int64) error {
		args := numbers(chunk)
		return s.collectSet(ctx, &set, "SELECT imgsearch_set(f.picture_id) FROM files f INDEXED BY files_picture WHERE f.picture_id IN "+marks(len(chunk))+" AND "+w.sql(), append(args, w.args...)...)
	})
	return set, err
}

func (s *Store) collectSet(ctx context.Context, set *bitmap, query string, args ...any) error {
	rows, err := s.read.QueryContext(ctx, query, args...)
	if err != nil {
		return explain(err)
	}
	defer rows.Close()
	for rows.Next() {
		var raw sql.RawBytes
		if err := rows.Scan(&raw); err != nil {
			return explain(err)
		}
		set.merge(raw)
	}
	return explain(rows.Err())
}
