package wire

import (
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/places"
)

// Metadata is the metadata of a picture or file in the machine formats. Unknown values are null.
type Metadata struct {
	// TakenFrom is the source of taken_at, as DateSource names it.
	TakenFrom *string  `json:"taken_from"`
	Camera    *string  `json:"camera"`
	Lens      *string  `json:"lens"`
	Rating    *int     `json:"rating"`
	Keywords  []string `json:"keywords"`
	Place     *Place   `json:"place"`
	// PlaceName is the populated place at Place. People and Description are the owner's.
	PlaceName   string   `json:"place_name,omitempty"`
	People      []Person `json:"people,omitempty"`
	Description string   `json:"description,omitempty"`
}

// Person is a person in a picture. Box is where, as fractions of the width and height of the picture as it is stored.
type Person struct {
	Name string `json:"name"`
	Box  *Box   `json:"box"`
}

// Box is a rectangle.
type Box struct {
	X      float64 `json:"x"`
	Y      float64 `json:"y"`
	Width  float64 `json:"width"`
	Height float64 `json:"height"`
}

// newPeople converts people.
func newPeople(m store.Metadata) (list []Person) {
	for i, name := range m.People {
		p := Person{Name: name}
		if i < len(m.Boxes) && m.Boxes[i] != [4]float64{} {
			b := m.Boxes[i]
			p.Box = &Box{b[0], b[1], b[2], b[3]}
		}
		list = append(list, p)
	}
	return list
}

// PlaceName returns the populated place at a position: "Paris, Ile-de-France, FR"; "" if there is none near.
func PlaceName(p *store.Position) string {
	if p == nil {
		return ""
	}
	at, ok := places.ByID(places.NearestID(p.Latitude, p.Longitude))
	if !ok {
		return ""
	}
	return at.String()
}

// Place is a place on Earth, in degrees.
type Place struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
}

// placeDigits is the number of decimal digits of degrees: about 10 cm.
const placeDigits = 6

// NewMetadata converts metadata.
func NewMetadata(m store.Metadata) Metadata {
	j := Metadata{TakenFrom: OrNull(DateSource(m.TakenSource)), Camera: OrNull(m.Camera), Lens: OrNull(m.Lens), Keywords: append([]string{}, m.Keywords...)}
	j.PlaceName, j.People, j.Description = PlaceName(m.Position), newPeople(m), m.Description
	if m.Rated {
		j.Rating = &m.Rating
	}
	if m.Position != nil {
		j.Place = &Place{Round(m.Position.Latitude, placeDigits), Round(m.Position.Longitude, placeDigits)}
	}
	return j
}

// DateSource names the source of a date in the machine formats; "" if it is unknown.
func DateSource(s store.DateSource) string {
	switch s {
	case store.DateOriginal:
		return "exif-original"
	case store.DateDigitized:
		return "exif-digitized"
	case store.DateXMP:
		return "xmp"
	case store.DateExport:
		return "export"
	case store.DateFileName:
		return "file-name"
	case store.DateModified:
		return "exif-modified"
	case store.DateFileTime:
		return "file-time"
	}
	return ""
}

// SizeOrNull is a file's size in bytes, or null if it is unknown.
func SizeOrNull(bytes int64) *int64 {
	if bytes == 0 {
		return nil
	}
	return &bytes
}
