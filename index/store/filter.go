package store

import (
	"math"
	"slices"
	"strings"
)

// Filter selects pictures. It is pure data: a store translates it, and Match is the reference that stores are tested against.
// Its zero value selects all pictures that have a file.
//
// Under, Names, Formats, Rating, Keywords and People are rules about files: they hold if one file of the picture meets all of them.
// The others are rules about the picture. A missing value matches nothing.
type Filter struct {
	// Pictures are the pictures to select; nil: any.
	Pictures []PictureID
	// Under are folders; the file must be in or below one of them; nil: anywhere.
	Under []Folder
	// Names are globs; one must match the file's name, or its path below the root if the glob contains a slash.
	// Case is ignored.
	Names []string
	// Formats are file formats; the file must have one of them.
	Formats []string
	// Rating is in stars. A file without a rating has 0 stars.
	Rating Range
	// Keywords are globs; each must match a keyword of the file. Case is ignored.
	Keywords []string
	// People are globs; each must match a person in the file, by the whole name or a word of it. Case and accents are ignored.
	People []string
	// Taken is when the picture was taken, in local time.
	Taken Period
	// Cameras and Lenses are sets of words; the name must contain all words of one set. Case is ignored.
	Cameras, Lenses []Words
	// Near is where the picture was taken.
	Near *Circle
	// Places are where the picture was taken; one must contain its place.
	Places []PlaceName
	// Labels are names of labels; the picture must have all of them. Case is ignored.
	Labels []string
	// Texts are phrases; the text in the picture must contain all of them (Text.Holds).
	Texts []string
	// Width and Height are in pixels, upright; Pixels is their product.
	Width, Height, Pixels Range
	Shape                 Shape
	// Not are filters, none of which may match. A filter with rules about files matches if any file does.
	Not []Filter
}

// Period is a range of local times, "2006-01-02T15:04:05". From is included, To is not; "" means no bound.
type Period struct{ From, To string }

// Bounds returns the ends as strings that compare correctly with times of any precision ("2023", "2023-07", "2023-07-14", ...).
// Unshortened, the first day of a month would sort after the month itself and exclude it.
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

// Holds reports whether a time is in the period.
func (p Period) Holds(t string) bool {
	from, to := p.Bounds()
	return p == Period{} || t != "" && t >= from && (to == "" || t < to)
}

// Range is a range of numbers, including both ends; nil means no bound.
type Range struct{ Min, Max *float64 }

// IsOpen reports whether the range contains every number.
func (r Range) IsOpen() bool { return r.Min == nil && r.Max == nil }

// Holds reports whether a number is in the range.
func (r Range) Holds(n int) bool {
	return (r.Min == nil || float64(n) >= *r.Min) && (r.Max == nil || float64(n) <= *r.Max)
}

// PlaceName is a place, region or country that a user has named.
type PlaceName struct {
	// Name is as the user wrote it.
	Name string
	// IDs are the GeoNames ids of the populated places in it, in ascending order.
	IDs []int
}

// Words are folded parts of a name, which must contain all of them.
type Words []string

// In reports whether a name contains all words.
func (w Words) In(name string) bool {
	folded := Fold(name)
	return name != "" && !slices.ContainsFunc(w, func(word string) bool { return !strings.Contains(folded, word) })
}

// Circle is the area within a radius, in metres, around a place.
type Circle struct {
	Centre Position
	Radius float64
}

// earthRadius is the mean radius in metres (IUGG).
const earthRadius = 6_371_008.8

// Metres returns the great-circle distance between two places, by the haversine formula (Sinnott 1984).
func Metres(a, b Position) float64 {
	const rad = math.Pi / 180
	sinLat, sinLon := math.Sin((b.Latitude-a.Latitude)*rad/2), math.Sin((b.Longitude-a.Longitude)*rad/2)
	h := sinLat*sinLat + math.Cos(a.Latitude*rad)*math.Cos(b.Latitude*rad)*sinLon*sinLon
	return 2 * earthRadius * math.Asin(math.Sqrt(min(h, 1)))
}

// Holds reports whether a place is in the circle.
func (c Circle) Holds(p Position) bool { return Metres(c.Centre, p) <= c.Radius }

// Box returns the bounds of the circle, in degrees. If west is greater than east, the box crosses the 180th meridian.
func (c Circle) Box() (south, north, west, east float64) {
	degrees := c.Radius / earthRadius * 180 / math.Pi
	south, north = c.Centre.Latitude-degrees, c.Centre.Latitude+degrees
	west, east = -180, 180
	// If the circle contains a pole or reaches around the earth, it may contain every meridian.
	if north < 90 && south > -90 {
		if wide := degrees / math.Cos(max(math.Abs(north), math.Abs(south))*math.Pi/180); wide < 180 {
			west, east = wrap(c.Centre.Longitude-wide), wrap(c.Centre.Longitude+wide)
		}
	}
	return south, north, west, east
}

// wrap brings a longitude into the range -180 to 180.
func wrap(lon float64) float64 { return math.Mod(lon+540, 360) - 180 }

// Shape is a relation between width and height; "" is any.
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

// OfFiles reports whether the filter has rules about files.
func (f *Filter) OfFiles() bool {
	return f.Under != nil || len(f.Names) > 0 || f.Formats != nil || !f.Rating.IsOpen() || len(f.Keywords) > 0 || len(f.People) > 0
}

// OfPictures reports whether the filter has rules about pictures.
func (f *Filter) OfPictures() bool {
	return f.Pictures != nil || f.Taken != Period{} || len(f.Cameras) > 0 || len(f.Lenses) > 0 || f.Near != nil || len(f.Texts) > 0 || len(f.Places) > 0 || len(f.Labels) > 0 ||
		!f.Width.IsOpen() || !f.Height.IsOpen() || !f.Pixels.IsOpen() || f.Shape != ""
}

// Match reports whether the filter selects a picture.
func (f *Filter) Match(r Record) bool {
	if !f.matchPicture(r) || !slices.ContainsFunc(r.Files, f.MatchFile) {
		return false
	}
	return !slices.ContainsFunc(f.Not, func(not Filter) bool { return not.Match(r) })
}

// MatchFile reports whether a file meets the filter's file rules.
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
		!slices.ContainsFunc(f.Keywords, func(g string) bool { return !MatchKeyword(Fold(g), file.Keywords) }) &&
		!slices.ContainsFunc(f.People, func(g string) bool { return !MatchPerson(FoldText(g), file.People) })
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
	case len(f.Places) > 0 && !slices.ContainsFunc(f.Places, func(p PlaceName) bool { return slices.Contains(p.IDs, r.PlaceID) }):
		return false
	case slices.ContainsFunc(f.Labels, func(name string) bool { return !r.hasLabel(name) }):
		return false
	case slices.ContainsFunc(f.Texts, func(phrase string) bool { return !r.Text.Holds(phrase) }):
		return false
	}
	return f.Width.Holds(r.Width) && f.Height.Holds(r.Height) && f.Pixels.Holds(r.Width*r.Height) && f.Shape.Holds(r.Width, r.Height)
}
