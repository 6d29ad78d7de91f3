package cli

import "github.com/imgsearch/imgsearch/index/store"

// MetadataJSON is what a picture, or a file, says of itself in the machine formats. What is unknown is null.
type MetadataJSON struct {
	// TakenFrom is where taken_at comes from: DateSource.
	TakenFrom *string    `json:"taken_from"`
	Camera    *string    `json:"camera"`
	Lens      *string    `json:"lens"`
	Rating    *int       `json:"rating"`
	Keywords  []string   `json:"keywords"`
	Place     *PlaceJSON `json:"place"`
}

// PlaceJSON is a place on earth, in degrees.
type PlaceJSON struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
}

// placeDigits keep a place to about 10 cm.
const placeDigits = 6

// NewMetadataJSON makes metadata that of the machine formats.
func NewMetadataJSON(m store.Metadata) MetadataJSON {
	j := MetadataJSON{TakenFrom: OrNull(DateSource(m.TakenSource)), Camera: OrNull(m.Camera), Lens: OrNull(m.Lens), Keywords: append([]string{}, m.Keywords...)}
	if m.Rated {
		j.Rating = &m.Rating
	}
	if m.Position != nil {
		j.Place = &PlaceJSON{Round(m.Position.Latitude, placeDigits), Round(m.Position.Longitude, placeDigits)}
	}
	return j
}

// DateSource names where a date comes from in the machine formats; "" where that is not known.
func DateSource(s store.DateSource) string {
	switch s {
	case store.DateOriginal:
		return "exif-original"
	case store.DateDigitized:
		return "exif-digitized"
	}
	return ""
}

// SizeOrNull is a file's size in bytes, null where it is not known.
func SizeOrNull(bytes int64) *int64 {
	if bytes == 0 {
		return nil
	}
	return &bytes
}
