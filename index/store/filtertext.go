package store

import (
	"strconv"
	"strings"
	"unicode"
)

// String is the filter's canonical text form: NAME=VALUE for each rule, parted by blanks, values quoted as in Go where they must be. What
// it selects is the same as that of the filter that index/query/parse.Text makes of it.
func (f Filter) String() string {
	var b strings.Builder
	add := func(name, value string) {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		if value == "" || strings.ContainsFunc(value, func(r rune) bool {
			return r == '"' || r == '\\' || r == unicode.ReplacementChar || !unicode.IsPrint(r) || unicode.IsSpace(r)
		}) {
			value = strconv.Quote(value)
		}
		b.WriteString(name + "=" + value)
	}
	for _, id := range f.Pictures {
		add("id", id.String())
	}
	if f.Pictures != nil && len(f.Pictures) == 0 {
		add("id", "none")
	}
	for _, u := range f.Under {
		add("under", string(u.Root)+":"+u.Dir)
	}
	if f.Under != nil && len(f.Under) == 0 {
		add("under", "none")
	}
	for _, glob := range f.Names {
		add("name", glob)
	}
	for _, format := range f.Formats {
		add("format", format)
	}
	if f.Formats != nil && len(f.Formats) == 0 {
		add("format", "none")
	}
	for _, glob := range f.Keywords {
		add("keyword", glob)
	}
	if f.Taken.From != "" {
		add("after", f.Taken.From)
	}
	if f.Taken.To != "" {
		add("before", f.Taken.To)
	}
	for _, words := range f.Cameras {
		add("camera", strings.Join(words, " "))
	}
	for _, words := range f.Lenses {
		add("lens", strings.Join(words, " "))
	}
	if f.Near != nil {
		add("near", number(f.Near.Centre.Latitude)+","+number(f.Near.Centre.Longitude))
		add("radius", number(f.Near.Radius)+"m")
	}
	for _, r := range []struct {
		name  string
		value Range
	}{{"rating", f.Rating}, {"width", f.Width}, {"height", f.Height}, {"pixels", f.Pixels}} {
		if !r.value.IsOpen() {
			add(r.name, r.value.String())
		}
	}
	if f.Shape != "" {
		add("orientation", string(f.Shape))
	}
	for _, not := range f.Not {
		add("not", not.String())
	}
	return b.String()
}

// String is "3..5", "3.." or "..5".
func (r Range) String() string {
	var low, high string
	if r.Min != nil {
		low = number(*r.Min)
	}
	if r.Max != nil {
		high = number(*r.Max)
	}
	return low + ".." + high
}

func number(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }
