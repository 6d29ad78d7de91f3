package places

import (
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

// Find returns the ids of the places that a text means, in order; none if it means nothing. The text is the name of a place, a region or a country,
// or a country's code, and may be followed by its region or country after commas: "paris", "Paris, FR", "Springfield, Illinois", "Brittany, FR".
// Case and accents do not matter.
func Find(text string) ([]int, error) {
	g := load()
	parts := strings.Split(text, ",")
	for i, p := range parts {
		if parts[i] = store.FoldText(p); parts[i] == "" {
			return nil, nil
		}
	}
	names, err := byName()
	if err != nil {
		return nil, err
	}
	var ids []int
	add := func(i int) {
		for _, p := range parts[1:] {
			if !g.isIn(i, p) {
				return
			}
		}
		ids = append(ids, int(g.entries[i].id))
	}
	for _, i := range names[parts[0]] {
		add(int(i))
	}
	for i := range g.entries {
		if g.isIn(i, parts[0]) {
			add(i)
		}
	}
	return sorted(ids), nil
}

// folded are the names of the regions and countries, folded, by region; and the codes.
var folded = sync.OnceValue(func() (list [][3]string) {
	g := load()
	for _, r := range g.regions {
		list = append(list, [3]string{store.FoldText(r.name), store.FoldText(g.countries[r.code]), store.FoldText(r.code)})
	}
	return list
})

// isIn reports whether a place is in a region or a country with a folded name or code.
func (g *gazetteer) isIn(i int, name string) bool {
	of := folded()[g.entries[i].region]
	return name == of[0] || name == of[1] || name == of[2]
}
