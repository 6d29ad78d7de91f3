package places

import (
	"slices"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/imgsearch/imgsearch/index/store"
)

// byName are the indexes of places by their folded names.
var byName = sync.OnceValues(func() (map[string][]int32, error) {
	z, err := zstd.NewReader(nil)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	text, err := z.DecodeAll(load().other, nil)
	if err != nil {
		return nil, err
	}
	names := make(map[string][]int32)
	var i int32
	for line := range strings.Lines(string(text)) {
		for name := range strings.SplitSeq(strings.TrimSuffix(line, "\n"), "|") {
			names[name] = append(names[name], i)
		}
		i++
	}
	return names, nil
})

// Fold returns a name as names are compared: without case and accents, with spaces for hyphens, without a leading "the".
func Fold(name string) string {
	folded := strings.Join(strings.Fields(strings.ReplaceAll(store.FoldText(name), "-", " ")), " ")
	if rest, ok := strings.CutPrefix(folded, "the "); ok {
		return rest
	}
	return folded
}

// Find returns the ids of the places that a text means, in order; none if it means nothing. The text is the name of a place, a region or a country in
// one of many languages, or a country's code, and may be followed by its region or country after commas: "paris", "Paris, FR", "Springfield,
// Illinois", "Brittany, FR". A country's name means the country, not a town of that name.
func Find(text string) ([]int, error) {
	parts := strings.Split(text, ",")
	if len(parts) > maxParts {
		return nil, nil
	}
	for i, p := range parts {
		if parts[i] = Fold(p); parts[i] == "" {
			return nil, nil
		}
	}
	names, err := byName()
	if err != nil {
		return nil, err
	}
	var ids []int
	for group := range 1 << (len(parts) - 1) { // names may contain commas themselves
		ids = append(ids, load().find(names, grouped(parts, group))...)
	}
	return sorted(ids), nil
}

// maxParts bounds the parts between commas.
const maxParts = 6

// grouped joins parts that follow each other: the bits of group say between which of them the comma belongs to a name.
func grouped(parts []string, group int) []string {
	list := []string{parts[0]}
	for i, p := range parts[1:] {
		if group>>i&1 == 1 {
			list[len(list)-1] += ", " + p
		} else {
			list = append(list, p)
		}
	}
	return list
}

// find returns the ids of the places with the first name that are in all others.
func (g *gazetteer) find(names map[string][]int32, parts []string) (ids []int) {
	add := func(i int) {
		for _, p := range parts[1:] {
			if !g.isIn(i, p) {
				return
			}
		}
		ids = append(ids, int(g.entries[i].id))
	}
	if len(parts) > 1 || g.called[parts[0]] == nil {
		for _, i := range names[parts[0]] {
			add(int(i))
		}
	}
	if g.called[parts[0]] != nil || slices.Contains(foldedRegions(), parts[0]) {
		for i := range g.entries {
			if g.isIn(i, parts[0]) {
				add(i)
			}
		}
	}
	return ids
}

// foldedRegions are the folded names of the regions.
var foldedRegions = sync.OnceValue(func() []string {
	g := load()
	list := make([]string, len(g.regions))
	for i, r := range g.regions {
		list[i] = Fold(r.name)
	}
	return list
})

// isIn reports whether a place is in a region or a country with a folded name or code.
func (g *gazetteer) isIn(i int, name string) bool {
	number := g.entries[i].region
	return name == foldedRegions()[number] || slices.Contains(g.called[name], g.regions[number].code)
}
