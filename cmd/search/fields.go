package search

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/internal/wire"
	"github.com/imgsearch/imgsearch/internal/words"
)

// tsvFields are the columns of TSV without --fields.
var tsvFields = []string{"rank", "score", "path", "width", "height", "taken_at"}

// fields are the columns of TSV, by their names in JSON. Unknown values are empty.
var fields = map[string]func(l line, a answer) string{
	"rank":       func(l line, _ answer) string { return strconv.Itoa(l.rank) },
	"score":      func(l line, a answer) string { return scored(a, "%.4f", l.Score) },
	"relative":   func(l line, a answer) string { return scored(a, "%.4f", l.Relative) },
	"id":         func(l line, _ answer) string { return l.ID.String() },
	"path":       func(l line, _ answer) string { return words.Path(l.Path) },
	"also":       func(l line, _ answer) string { return joined(l.Also) },
	"twins":      func(l line, _ answer) string { return joined(l.Twins) },
	"missing":    func(l line, _ answer) string { return strconv.FormatBool(l.Missing) },
	"format":     func(l line, _ answer) string { return l.Format },
	"bytes":      func(l line, _ answer) string { return numberOrNone(l.Bytes) },
	"width":      func(l line, _ answer) string { return strconv.Itoa(l.Width) },
	"height":     func(l line, _ answer) string { return strconv.Itoa(l.Height) },
	"taken_at":   func(l line, _ answer) string { return l.TakenAt },
	"taken_from": func(l line, _ answer) string { return wire.DateSource(l.TakenSource) },
	"camera":     func(l line, _ answer) string { return words.Path(l.Camera) },
	"lens":       func(l line, _ answer) string { return words.Path(l.Lens) },
	"rating": func(l line, _ answer) string {
		if !l.Rated {
			return ""
		}
		return l.Stars()
	},
	"people":      func(l line, _ answer) string { return joined(l.People) },
	"place_name":  func(l line, _ answer) string { return words.Path(wire.PlaceName(l.Position)) },
	"description": func(l line, _ answer) string { return words.Path(l.Description) },
	"text":        func(l line, _ answer) string { return words.Path(l.Excerpt()) },
	"keywords":    func(l line, _ answer) string { return joined(l.Keywords) },
	"latitude":    func(l line, _ answer) string { return degrees(l, true) },
	"longitude":   func(l line, _ answer) string { return degrees(l, false) },
}

func scored(a answer, format string, score float64) string {
	if a.listing {
		return ""
	}
	return fmt.Sprintf(format, score)
}

// joined puts several values into one column, separated by semicolons.
func joined(values []string) string {
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = words.Path(v)
	}
	return strings.Join(list, ";")
}

func numberOrNone(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

func degrees(l line, latitude bool) string {
	p := l.Position
	switch {
	case p == nil:
		return ""
	case latitude:
		return fmt.Sprintf("%.6f", p.Latitude)
	}
	return fmt.Sprintf("%.6f", p.Longitude)
}

// chooseFields parses --fields, which needs --format tsv.
func (s *search) chooseFields() error {
	if len(s.fields) == 0 {
		s.columns = tsvFields
		return nil
	}
	if s.format != "tsv" {
		if !s.given("fields") { // configured, for calls with --format tsv
			return nil
		}
		return cli.Usage("--fields chooses the columns of --format tsv", "--fields and --format %s cannot be combined", s.format)
	}
	s.columns = nil
	for _, name := range s.fields {
		name = strings.TrimSpace(name)
		if fields[name] == nil {
			return cli.Usage("choose from "+strings.Join(slices.Sorted(maps.Keys(fields)), ","), "unknown name in --fields: %q", name)
		}
		s.columns = append(s.columns, name)
	}
	return nil
}

// tsv returns a line of TSV.
func (s *session) tsv(l line, a answer) string {
	columns := make([]string, len(s.columns))
	for i, name := range s.columns {
		columns[i] = fields[name](l, a)
	}
	return strings.Join(columns, "\t")
}

// known returns a summary of a hit's metadata: "Canon EOS R6, RF50mm F1.8, ★★★★, beach, family".
func known(l query.Hit) string {
	var parts []string
	for _, name := range []string{l.Camera, l.Lens} {
		if name != "" {
			parts = append(parts, name)
		}
	}
	switch {
	case l.Rating < 0:
		parts = append(parts, "rejected")
	case l.Rating > 0:
		parts = append(parts, strings.Repeat("★", min(l.Rating, 5)))
	}
	parts = append(parts, l.Keywords...)
	parts = append(parts, l.People...)
	if p := l.Position; p != nil {
		parts = append(parts, cmp.Or(wire.PlaceName(p), fmt.Sprintf("%.4f, %.4f", p.Latitude, p.Longitude)))
	}
	return words.Path(strings.Join(parts, ", "))
}
