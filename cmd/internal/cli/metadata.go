package cli

import "github.com/imgsearch/imgsearch/index/store"

// MetadataJSON is the metadata of a picture or file in the machine formats. Unknown values are null.
type MetadataJSON struct {
	// TakenFrom is the source of taken_at, as DateSource names it.
	TakenFrom *string    `json:"taken_from"`
	Camera    *string    `json:"camera"`
	Lens      *string    `json:"lens"`
	Rating    *int       `json:"rating"`
	Keywords  []string   `json:"keywords"`
	Place     *PlaceJSON `json:"place"`
}

// PlaceJSON is a place on Earth, in degrees.
type PlaceJSON struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
}

// placeDigits is the number of decimal digits of degrees: about 10 cm.
const placeDigits = 6

// NewMetadataJSON converts metadata.
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

// DateSource names the source of a date in the machine formats; "" if it is unknown.
func DateSource(s store.DateSource) string {
	switch s {
	case store.DateOriginal:
		return "exif-original"
	case store.DateDigitized:
		return "exif-digitized"
	case store.DateXMP:
		return "xmp"
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
