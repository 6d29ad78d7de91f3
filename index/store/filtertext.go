package store

import (
	"strconv"
	"strings"
	"unicode"
)

// String returns the filter's canonical text form: NAME=VALUE for each rule, separated by spaces, with values quoted as in Go if necessary.
// index/query/parse.Text turns it back into a filter that selects the same pictures.
func (f Filter) String() string {
	var t filterText
	t.addLists(f)
	t.addValues(f)
	for _, not := range f.Not {
		t.add("not", not.String())
	}
	return t.b.String()
}

// filterText builds the text form of a filter.
type filterText struct{ b strings.Builder }

func (t *filterText) add(name, value string) {
	if t.b.Len() > 0 {
		t.b.WriteByte(' ')
	}
	if value == "" || strings.ContainsFunc(value, func(r rune) bool {
		return r == '"' || r == '\\' || r == unicode.ReplacementChar || !unicode.IsPrint(r) || unicode.IsSpace(r)
	}) {
		value = strconv.Quote(value)
	}
	t.b.WriteString(name + "=" + value)
}

// addList adds the values of a rule that holds if one of its values matches. A list that is empty but not nil matches nothing.
func (t *filterText) addList(name string, values []string, isNil bool) {
	for _, v := range values {
		t.add(name, v)
	}
	if !isNil && len(values) == 0 {
		t.add(name, "none")
	}
}

func (t *filterText) addLists(f Filter) {
	ids := make([]string, len(f.Pictures))
	for i, id := range f.Pictures {
		ids[i] = id.String()
	}
	t.addList("id", ids, f.Pictures == nil)
	folders := make([]string, len(f.Under))
	for i, u := range f.Under {
		folders[i] = string(u.Root) + ":" + u.Dir
	}
	t.addList("under", folders, f.Under == nil)
	t.addList("name", f.Names, true)
	t.addList("format", f.Formats, f.Formats == nil)
	t.addList("keyword", f.Keywords, true)
	t.addList("person", f.People, true)
}

func (t *filterText) addValues(f Filter) {
	if f.Taken.From != "" {
		t.add("after", f.Taken.From)
	}
	if f.Taken.To != "" {
		t.add("before", f.Taken.To)
	}
	for _, words := range f.Cameras {
		t.add("camera", strings.Join(words, " "))
	}
	for _, words := range f.Lenses {
		t.add("lens", strings.Join(words, " "))
	}
	if f.Near != nil {
		t.add("near", number(f.Near.Centre.Latitude)+","+number(f.Near.Centre.Longitude))
		t.add("radius", number(f.Near.Radius)+"m")
	}
	for _, p := range f.Places {
		t.add("place", p.Name)
	}
	t.addList("label", f.Labels, true)
	t.addList("text", f.Texts, true)
	for _, r := range []struct {
		name  string
		value Range
	}{{"rating", f.Rating}, {"width", f.Width}, {"height", f.Height}, {"pixels", f.Pixels}} {
		if !r.value.IsOpen() {
			t.add(r.name, r.value.String())
		}
	}
	if f.Shape != "" {
		t.add("orientation", string(f.Shape))
	}
}

// String returns "3..5", "3.." or "..5".
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
