// Package places names places on earth offline: the populated place at a position, its region and its country, and the places that a name
// means. It must not know pictures, stores or the network.
//
// The data are GeoNames' places above 15,000 inhabitants (https://www.geonames.org, CC BY 4.0); scripts/places makes them.
package places

import (
	_ "embed" // the data
	"encoding/binary"
	"math"
	"slices"
	"sort"
	"strings"
	"sync"
)

// Attribution is what the licence of the data asks for.
const Attribution = "place names: GeoNames (geonames.org), CC BY 4.0"

// Version identifies the data. It changes with places.bin (TestVersion).
const Version = "21d4ba050e19fb07"

//go:embed places.bin
var data []byte

// Place is a populated place.
type Place struct {
	// ID is GeoNames'.
	ID int
	// Name is the place's own name. Region is the first-level administrative division, "" if it is unknown.
	Name, Region, Country string
	// Code is the country's code in ISO 3166-1, such as FR.
	Code string
	// Latitude and Longitude are in degrees.
	Latitude, Longitude float64
}

// String returns "Rennes, Brittany, FR".
func (p Place) String() string {
	if p.Region == "" || p.Region == p.Name {
		return p.Name + ", " + p.Code
	}
	return p.Name + ", " + p.Region + ", " + p.Code
}

// MaxDistance is how far from a place a position may be, in metres, to be at it.
const MaxDistance = 50_000

// rows is the number of rows of half a degree of latitude.
const rows = 360

// row returns the row of a latitude.
func row(latitude float64) int { return min(max(int(math.Floor((latitude+90)*2)), 0), rows-1) }

// entry is a place as it is stored.
type entry struct {
	lat, lon float32 // degrees
	id       uint32
	name     uint32 // the offset of its name
	region   uint16
	radius   float32 // degrees
}

// region is a part of a country.
type region struct{ code, name string }

// gazetteer is the decoded data.
type gazetteer struct {
	countries map[string]string   // names by code
	called    map[string][]string // codes by folded name
	regions   []region
	entries   []entry       // by row, in each from west to east
	starts    [rows + 1]int // where each row starts
	widest    float64       // the largest radius
	byID      map[uint32]int
	names     string
	other     []byte // compressed
}

const entryBytes = 4 + 4 + 4 + 2 + 4 + 2

var load = sync.OnceValue(func() *gazetteer {
	rest := data
	part := func() []byte {
		n := binary.LittleEndian.Uint32(rest)
		p := rest[4 : 4+n]
		rest = rest[4+n:]
		return p
	}
	g := &gazetteer{countries: make(map[string]string), called: make(map[string][]string)}
	for line := range strings.Lines(string(part())) {
		code, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		name, names, _ := strings.Cut(rest, "\t")
		g.countries[code] = name
		for n := range strings.SplitSeq(names, "|") {
			g.called[n] = append(g.called[n], code)
		}
		g.called[Fold(code)] = append(g.called[Fold(code)], code)
	}
	for line := range strings.Lines(string(part())) {
		code, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		g.regions = append(g.regions, region{code, name})
	}
	fixed := part()
	g.entries, g.byID = make([]entry, len(fixed)/entryBytes), make(map[uint32]int, len(fixed)/entryBytes)
	for i := range g.entries {
		b := fixed[i*entryBytes:]
		g.entries[i] = entry{
			lat: float32(int32(binary.LittleEndian.Uint32(b[4:]))) / 1e5, lon: float32(int32(binary.LittleEndian.Uint32(b[8:]))) / 1e5,
			id: binary.LittleEndian.Uint32(b), region: binary.LittleEndian.Uint16(b[12:]), name: binary.LittleEndian.Uint32(b[14:]),
			radius: float32(float64(binary.LittleEndian.Uint16(b[18:])) * 10 / earthRadius / rad),
		}
		g.widest = max(g.widest, float64(g.entries[i].radius))
		g.byID[g.entries[i].id] = i
	}
	for r := range g.starts {
		g.starts[r] = sort.Search(len(g.entries), func(i int) bool { return row(float64(g.entries[i].lat)) >= r })
	}
	g.starts[rows] = len(g.entries)
	g.names, g.other = string(part()), part()
	return g
})

// place returns a stored place.
func (g *gazetteer) place(i int) Place {
	e := g.entries[i]
	end := len(g.names)
	if i+1 < len(g.entries) {
		end = int(g.entries[i+1].name)
	}
	r := g.regions[e.region]
	return Place{
		ID: int(e.id), Name: g.names[e.name:end], Region: r.name, Code: r.code, Country: g.countries[r.code], Latitude: float64(e.lat), Longitude: float64(e.lon),
	}
}

// ByID returns a place; ok is false if there is none with this id.
func ByID(id int) (p Place, ok bool) {
	g := load()
	i, ok := g.byID[uint32(id)] //nolint:gosec // an id that does not fit is not known
	if !ok || id != int(uint32(id)) {
		return p, false
	}
	return g.place(i), true
}

const (
	rad         = math.Pi / 180
	earthRadius = 6_371_008.8 // metres, the mean (IUGG)
	maxDegrees  = MaxDistance / earthRadius / rad
)

// NearestID returns the id of the populated place nearest to a position in degrees; 0 if the centre of none is within MaxDistance. What counts is the
// distance to the place's edge: a place reaches as far as its population suggests (scripts/places), so that a landmark in a large city is not in
// the suburb whose centre is nearer.
func NearestID(latitude, longitude float64) int {
	g := load()
	if i := g.nearest(latitude, longitude); i >= 0 {
		return int(g.entries[i].id)
	}
	return 0
}

// nearest returns the index of the nearest place, -1 if there is none near. Distances are those on the plane that touches the earth at the position,
// whose error within 50 km is below a thousandth up to 80 degrees of latitude.
func (g *gazetteer) nearest(latitude, longitude float64) int {
	if !(math.Abs(latitude) <= 90 && math.Abs(longitude) <= 180) {
		return -1
	}
	shrink := max(math.Cos(latitude*rad), 1e-3)
	best, at := math.Inf(1), -1
	home := row(latitude)
	for step := range 3 {
		for _, r := range []int{home - step, home + step}[:min(step+1, 2)] {
			if r < 0 || r >= rows {
				continue
			}
			// How far the row is away, which the places in it cannot be nearer than.
			gap := max(float64(r)/2-90-latitude, latitude-(float64(r+1)/2-90), 0)
			if gap > min(best+g.widest, maxDegrees) {
				continue
			}
			for _, around := range []float64{0, -360, 360} { // beyond the 180th meridian
				lon := longitude + around
				if width := maxDegrees / shrink; lon+width < -180 || lon-width > 180 {
					continue
				}
				best, at = g.inRow(r, latitude, lon, shrink, best, at)
			}
		}
	}
	return at
}

// inRow looks for a nearer place in a row, from the position to both sides.
func (g *gazetteer) inRow(r int, latitude, longitude, shrink, best float64, at int) (float64, int) {
	list := g.entries[g.starts[r]:g.starts[r+1]]
	middle := sort.Search(len(list), func(i int) bool { return float64(list[i].lon) >= longitude })
	for _, side := range []int{1, -1} {
		i := middle
		if side < 0 {
			i--
		}
		for ; i >= 0 && i < len(list); i += side {
			dx := (float64(list[i].lon) - longitude) * shrink
			if math.Abs(dx) > min(best+g.widest, maxDegrees) {
				break
			}
			dy := float64(list[i].lat) - latitude
			if d := math.Sqrt(dx*dx + dy*dy); d <= maxDegrees && d-float64(list[i].radius) < best {
				best, at = d-float64(list[i].radius), g.starts[r]+i
			}
		}
	}
	return best, at
}

// sorted sorts the ids of places and removes duplicates.
func sorted(ids []int) []int {
	slices.Sort(ids)
	return slices.Compact(ids)
}
