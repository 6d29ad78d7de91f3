package store

import (
	"math"
	"slices"
	"strings"
)

// Filter selects pictures. It is pure data: a store translates it, and Match is the reference that stores are tested against. Its
// zero value selects all pictures that have a file.
//
// Under, Names, Formats, Rating and Keywords ask about files: they hold if one file of the picture meets all of them. The others ask
// what the picture is and shows. What is not known matches nothing.
type Filter struct {
	// Pictures are these; nil: any.
	Pictures []PictureID
	// Under are folders, in or below one of which the file lies; nil: anywhere.
	Under []Folder
	// Names are globs, one of which matches the file's name, or its path below the root where the glob has a slash. Case does not
	// matter.
	Names []string
	// Formats are those of which the file has one.
	Formats []string
	// Rating is in stars. A file that says nothing has 0, as one that says none.
	Rating Range
	// Keywords are globs, each of which matches a keyword of the file. Case does not matter.
	Keywords []string
	// Taken is when the picture was taken, in local time.
	Taken Period
	// Cameras and Lenses are words, all of which one name has, in any of the sets. Case does not matter.
	Cameras, Lenses []Words
	// Near is where the picture was taken.
	Near *Circle
	// Width and Height are in pixels, upright; Pixels is their product.
	Width, Height, Pixels Range
	Shape                 Shape
	// Not are filters none of which may match. A Filter that asks about files matches if any file does.
	Not []Filter
}

// Period is a range of local times, "2006-01-02T15:04:05", From included and To not; "" is open.
type Period struct{ From, To string }

// Bounds are the ends as texts that compare with times of any precision ("2023", "2023-07", "2023-07-14", ...): the first day of a
// month is later than the month, and would leave it out.
func (p Period) Bounds() (from, to string) { return shortest(p.From), shortest(p.To) }

func shortest(t string) string {
	for _, first := range []string{"T00:00:00", "-01", "-01"} {
		cut, ok := strings.CutSuffix(t, first)
		if !ok {
			break
		}
		t = cut
	}
	return t
}

// Holds reports whether a time lies in the period.
func (p Period) Holds(t string) bool {
	from, to := p.Bounds()
	return p == Period{} || t != "" && t >= from && (to == "" || t < to)
}

// Range is a range of numbers, both ends included; a nil end is open.
type Range struct{ Min, Max *float64 }

// IsOpen reports whether every number is in it.
func (r Range) IsOpen() bool { return r.Min == nil && r.Max == nil }

// Holds reports whether a number is in it.
func (r Range) Holds(n int) bool {
	return (r.Min == nil || float64(n) >= *r.Min) && (r.Max == nil || float64(n) <= *r.Max)
}

// Words are parts of a name, folded, all of which it must have.
type Words []string

// In reports whether a name has all words.
func (w Words) In(name string) bool {
	folded := Fold(name)
	return name != "" && !slices.ContainsFunc(w, func(word string) bool { return !strings.Contains(folded, word) })
}

// Circle is what lies within a radius, in metres, around a place.
type Circle struct {
	Centre Position
	Radius float64
}

// earthRadius is the mean radius in metres (IUGG).
const earthRadius = 6_371_008.8

// Metres is the length of the great circle between two places, by the haversine formula (Sinnott 1984).
func Metres(a, b Position) float64 {
	const rad = math.Pi / 180
	sinLat, sinLon := math.Sin((b.Latitude-a.Latitude)*rad/2), math.Sin((b.Longitude-a.Longitude)*rad/2)
	h := sinLat*sinLat + math.Cos(a.Latitude*rad)*math.Cos(b.Latitude*rad)*sinLon*sinLon
	return 2 * earthRadius * math.Asin(math.Sqrt(min(h, 1)))
}

// Holds reports whether a place lies in the circle.
func (c Circle) Holds(p Position) bool { return Metres(c.Centre, p) <= c.Radius }

// Box bounds the circle, in degrees. A west greater than east crosses the 180th meridian.
func (c Circle) Box() (south, north, west, east float64) {
	degrees := c.Radius / earthRadius * 180 / math.Pi
	south, north = c.Centre.Latitude-degrees, c.Centre.Latitude+degrees
	west, east = -180, 180
	// Where the circle holds a pole, or reaches round the earth, every meridian may be in it.
	if north < 90 && south > -90 {
		if wide := degrees / math.Cos(max(math.Abs(north), math.Abs(south))*math.Pi/180); wide < 180 {
			west, east = wrap(c.Centre.Longitude-wide), wrap(c.Centre.Longitude+wide)
		}
	}
	return south, north, west, east
}

// wrap brings a longitude back into -180 to 180.
func wrap(lon float64) float64 { return math.Mod(lon+540, 360) - 180 }

// Shape compares width and height; "" is any.
type Shape string

// The shapes.
const (
	Landscape Shape = "landscape"
	Portrait  Shape = "portrait"
	Square    Shape = "square"
)

// Holds reports whether a picture has the shape.
func (s Shape) Holds(width, height int) bool {
	switch s {
	case Landscape:
		return width > height
	case Portrait:
		return width < height
	case Square:
		return width == height
	}
	return true
}

// IsAll reports whether the filter selects everything.
func (f *Filter) IsAll() bool { return !f.OfFiles() && !f.OfPictures() && len(f.Not) == 0 }

// OfFiles reports whether the filter asks about files, of which a picture may have several.
func (f *Filter) OfFiles() bool {
	return f.Under != nil || len(f.Names) > 0 || f.Formats != nil || !f.Rating.IsOpen() || len(f.Keywords) > 0
}

// OfPictures reports whether the filter asks what a picture is or shows.
func (f *Filter) OfPictures() bool {
	return f.Pictures != nil || f.Taken != Period{} || len(f.Cameras) > 0 || len(f.Lenses) > 0 || f.Near != nil ||
		!f.Width.IsOpen() || !f.Height.IsOpen() || !f.Pixels.IsOpen() || f.Shape != ""
}

// Match reports whether the filter selects a picture.
func (f *Filter) Match(r Record) bool {
	if !f.matchPicture(r) || !slices.ContainsFunc(r.Files, f.MatchFile) {
		return false
	}
	return !slices.ContainsFunc(f.Not, func(not Filter) bool { return not.Match(r) })
}

// MatchFile reports whether a file of a picture is one that the filter asks for.
func (f *Filter) MatchFile(file FileRecord) bool {
	switch {
	case f.Under != nil && !slices.ContainsFunc(f.Under, func(u Folder) bool { return u.holds(file.Place) }):
		return false
	case len(f.Names) > 0 && !slices.ContainsFunc(f.Names, func(g string) bool { return MatchName(Fold(g), file.Dir, file.Name) }):
		return false
	case f.Formats != nil && !slices.Contains(f.Formats, file.Format):
		return false
	}
	return f.Rating.Holds(file.Rating) &&
		!slices.ContainsFunc(f.Keywords, func(g string) bool { return !MatchKeyword(Fold(g), file.Keywords) })
}

func (u Folder) holds(p Place) bool {
	return u.Root == p.Root && (u.Dir == "" || p.Dir == u.Dir || strings.HasPrefix(p.Dir, u.Dir+"/"))
}

func (f *Filter) matchPicture(r Record) bool {
	switch {
	case f.Pictures != nil && !slices.Contains(f.Pictures, r.ID):
		return false
	case !f.Taken.Holds(r.TakenAt):
		return false
	case len(f.Cameras) > 0 && !slices.ContainsFunc(f.Cameras, func(w Words) bool { return w.In(r.Camera) }):
		return false
	case len(f.Lenses) > 0 && !slices.ContainsFunc(f.Lenses, func(w Words) bool { return w.In(r.Lens) }):
		return false
	case f.Near != nil && (r.Position == nil || !f.Near.Holds(*r.Position)):
		return false
	}
	return f.Width.Holds(r.Width) && f.Height.Holds(r.Height) && f.Pixels.Holds(r.Width*r.Height) && f.Shape.Holds(r.Width, r.Height)
}
