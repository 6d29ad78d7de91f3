package postgres

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/imgsearch/imgsearch/index/internal/column"
	"github.com/imgsearch/imgsearch/index/store"
)

// A filter becomes a condition on pictures; its rules about files are one EXISTS, and the filters under Not are NOT EXISTS. Globs on words that few rows
// share are matched here, with the functions that Match uses, and become lists of row ids.

// query collects the parameters of a statement.
type query struct {
	args    []any
	aliases int
}

// arg adds a parameter and returns its place.
func (q *query) arg(v any) string {
	q.args = append(q.args, v)
	return "$" + strconv.Itoa(len(q.args))
}

func (q *query) alias(prefix string) string {
	q.aliases++
	return prefix + strconv.Itoa(q.aliases)
}

func and(parts []string) string {
	if len(parts) == 0 {
		return "true"
	}
	return strings.Join(parts, " AND ")
}

// or joins conditions with OR; an empty list is false.
func or(parts []string) string {
	if len(parts) == 0 {
		return "false"
	}
	return "(" + strings.Join(parts, " OR ") + ")"
}

// selection returns the condition for pictures p that match a filter.
func (s *Store) selection(ctx context.Context, q *query, p string, f store.Filter) (string, error) {
	parts := []string{p + ".orphaned_at IS NULL"}
	pictures, err := s.ofPictures(ctx, q, p, f)
	if err != nil {
		return "", err
	}
	parts = append(parts, pictures...)
	if f.OfFiles() {
		rules, err := s.ofFiles(ctx, q, f)
		if err != nil {
			return "", err
		}
		parts = append(parts, "EXISTS (SELECT 1 FROM files f WHERE f.picture_id = "+p+".id AND "+rules+")")
	}
	for _, not := range f.Not {
		other := q.alias("p")
		unwanted, err := s.selection(ctx, q, other, not)
		if err != nil {
			return "", err
		}
		parts = append(parts, "NOT EXISTS (SELECT 1 FROM pictures "+other+" WHERE "+other+".id = "+p+".id AND "+unwanted+")")
	}
	return and(parts), nil
}

// ofFiles returns the condition for files f that meet a filter's file rules.
func (s *Store) ofFiles(ctx context.Context, q *query, f store.Filter) (string, error) {
	var parts []string
	if f.Under != nil {
		var places []string
		for _, u := range f.Under {
			place := "ur.uid = " + q.arg(plain(string(u.Root)))
			if u.Dir != "" {
				place += " AND (u.dir = " + q.arg([]byte(u.Dir)) + " OR u.dir >= " + q.arg([]byte(u.Dir+"/")) + " AND u.dir < " + q.arg([]byte(u.Dir+"0")) + ")" // '0' is the byte after '/'
			}
			places = append(places, place)
		}
		parts = append(parts, "f.folder_id IN (SELECT u.id FROM folders u JOIN roots ur ON ur.id = u.root_id WHERE "+or(places)+")")
	}
	if f.Formats != nil {
		parts = append(parts, "f.format = ANY("+q.arg(f.Formats)+")")
	}
	parts = append(parts, inRange(q, "coalesce(f.rating, 0)", f.Rating)...)
	if f.Rating.Min != nil && *f.Rating.Min > 0 {
		parts = append(parts, "f.rating <> 0") // what the index on ratings has
	}
	for _, glob := range f.Keywords {
		folded := store.Fold(glob)
		list, err := s.matching(ctx, column.Keywords, func(text string) bool { return store.MatchKeyword(folded, column.Names(text)) })
		if err != nil {
			return "", err
		}
		parts = append(parts, "f.keywords = ANY("+q.arg(list)+")")
	}
	for _, glob := range f.People {
		folded := store.FoldText(glob)
		list, err := s.matching(ctx, column.People, func(text string) bool { return store.MatchPerson(folded, column.Names(text)) })
		if err != nil {
			return "", err
		}
		parts = append(parts, "f.people = ANY("+q.arg(list)+")")
	}
	if len(f.Names) > 0 {
		names := make([]string, len(f.Names))
		for i, glob := range f.Names {
			folded := store.Fold(glob)
			column := "f.folded"
			if strings.Contains(folded, "/") {
				column = "(SELECT CASE u.folded WHEN '' THEN f.folded ELSE u.folded || '/' || f.folded END FROM folders u WHERE u.id = f.folder_id)"
			}
			names[i] = column + ` ~ ` + q.arg(expression(folded))
		}
		parts = append(parts, or(names))
	}
	return and(parts), nil
}

// ofPictures returns the conditions of a filter's rules about pictures p.
func (s *Store) ofPictures(ctx context.Context, q *query, p string, f store.Filter) (parts []string, err error) {
	if f.Pictures != nil {
		parts = append(parts, p+".sha256 = ANY("+q.arg(ids(f.Pictures))+")")
	}
	from, to := f.Taken.Bounds()
	if from != "" {
		parts = append(parts, p+".taken_at >= "+q.arg(from))
	}
	if to != "" {
		parts = append(parts, p+".taken_at < "+q.arg(to))
	}
	for _, names := range []struct {
		column string
		kind   int
		sets   []store.Words
	}{{".camera", column.Camera, f.Cameras}, {".lens", column.Lens, f.Lenses}} {
		if len(names.sets) == 0 {
			continue
		}
		list, err := s.matchingNames(ctx, names.kind, names.sets)
		if err != nil {
			return nil, err
		}
		parts = append(parts, p+names.column+" = ANY("+q.arg(list)+")")
	}
	parts = append(parts, inRange(q, p+".width", f.Width)...)
	parts = append(parts, inRange(q, p+".height", f.Height)...)
	parts = append(parts, inRange(q, p+".width::bigint * "+p+".height", f.Pixels)...)
	if sign, ok := map[store.Shape]string{store.Landscape: " > ", store.Portrait: " < ", store.Square: " = "}[f.Shape]; ok {
		parts = append(parts, p+".width"+sign+p+".height")
	}
	if len(f.Places) > 0 {
		var list []int
		for _, place := range f.Places {
			list = append(list, place.IDs...)
		}
		parts = append(parts, p+".place = ANY("+q.arg(slices.Compact(slices.Sorted(slices.Values(list))))+"::integer[])")
	}
	if f.Near != nil {
		parts = append(parts, near(q, p, *f.Near)...)
	}
	if len(f.Texts) > 0 {
		rules, ok := phrases(q, f.Texts)
		if !ok {
			return []string{"false"}, nil
		}
		parts = append(parts, "EXISTS (SELECT 1 FROM texts t WHERE t.picture_id = "+p+".id AND "+rules+")")
	}
	for _, name := range f.Labels {
		list, err := s.matchingLabels(ctx, name)
		if err != nil {
			return nil, err
		}
		parts = append(parts, "EXISTS (SELECT 1 FROM picture_labels pl WHERE pl.picture_id = "+p+".id AND pl.label_id = ANY("+q.arg(list)+"))")
	}
	return parts, nil
}

func near(q *query, p string, c store.Circle) []string {
	south, north, west, east := c.Box()
	parts := []string{p + ".latitude BETWEEN " + q.arg(south) + " AND " + q.arg(north)}
	if west <= east {
		parts = append(parts, p+".longitude BETWEEN "+q.arg(west)+" AND "+q.arg(east))
	} else {
		parts = append(parts, "("+p+".longitude >= "+q.arg(west)+" OR "+p+".longitude <= "+q.arg(east)+")")
	}
	return append(parts, "metres("+q.arg(c.Centre.Latitude)+", "+q.arg(c.Centre.Longitude)+", "+p+".latitude, "+p+".longitude) <= "+q.arg(c.Radius))
}

func inRange(q *query, column string, r store.Range) (parts []string) {
	if r.Min != nil {
		parts = append(parts, column+" >= "+q.arg(*r.Min)+"::float8")
	}
	if r.Max != nil {
		parts = append(parts, column+" <= "+q.arg(*r.Max)+"::float8")
	}
	return parts
}
