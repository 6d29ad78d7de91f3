package decode

import (
	"cmp"
	"slices"
	"strings"

	"github.com/imgsearch/imgsearch/embed/decode/meta"
	"github.com/imgsearch/imgsearch/internal/caught"
)

// OwnerMetadata is the metadata that the owner gave a picture in a program that writes XMP or IPTC.
type OwnerMetadata struct {
	// Rating is XMP's: 1 to 5 stars, 0 for none, -1 for rejected (XMP specification part 1, 8.4). It is valid only if Rated is true.
	Rating int
	Rated  bool
	// Keywords are those of dc:subject and IPTC, without duplicates, in the order of the file.
	Keywords []string
	// People are the names of the people in the picture, without duplicates. Boxes are where each of them is, as fractions of the width and height of the
	// picture as it is stored: x, y, width, height; zeros if that is unknown, and nil if it is unknown for all.
	People []string
	Boxes  [][4]float64
	// Description is the picture's caption.
	Description string
}

// under returns l overridden by the values that over sets.
func (l OwnerMetadata) under(over OwnerMetadata) OwnerMetadata {
	if over.Rated {
		l.Rating, l.Rated = over.Rating, true
	}
	if len(over.Keywords) > 0 {
		l.Keywords = over.Keywords
	}
	if len(over.People) > 0 {
		l.People, l.Boxes = over.People, over.Boxes
	}
	l.Description = cmp.Or(over.Description, l.Description)
	return l
}

// ReadXMP reads the metadata in an XMP packet or a sidecar file: the owner's, the date and the position. Its errors wrap meta.ErrXMP.
func ReadXMP(packet []byte) (m Meta, err error) {
	defer caught.Error(&err)
	x, err := meta.ReadXMP(packet)
	m = Meta{Orientation: 1, HasGPS: x.Place.Known, Latitude: x.Place.Latitude, Longitude: x.Place.Longitude, OwnerMetadata: ownerOf(x)}
	m.TakenAt, m.TakenFrom = firstDate(xmpDates(x))
	return m, err
}

func xmpDates(x meta.XMP) (dates []date) {
	for _, text := range x.Dates {
		dates = append(dates, date{text, "", XMPDate})
	}
	return dates
}

func ownerOf(x meta.XMP) OwnerMetadata {
	l := OwnerMetadata{Rating: x.Rating.Stars, Rated: x.Rating.Known, Keywords: keywords(x.Keywords), Description: oneText(x.Description)}
	boxed := false
	for _, p := range x.People {
		name := keywords([]string{p.Name})
		if len(name) == 0 || slices.Contains(l.People, name[0]) {
			continue
		}
		l.People, l.Boxes = append(l.People, name[0]), append(l.Boxes, p.Box)
		boxed = boxed || p.Box != [4]float64{}
	}
	if !boxed {
		l.Boxes = nil
	}
	return l
}

// maxDescription bounds a description, in bytes.
const maxDescription = 16 << 10

// oneText returns a text without what is no text.
func oneText(s string) string {
	s = strings.TrimSpace(strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), ""))
	return strings.ToValidUTF8(s[:min(len(s), maxDescription)], "")
}

// keywords returns keywords without duplicates.
func keywords(words []string) (list []string) {
	known := make(map[string]bool)
	for _, w := range words {
		// Newlines separate keywords in the index.
		w = strings.Join(strings.Fields(strings.ToValidUTF8(strings.ReplaceAll(w, "\x00", ""), "")), " ")
		if w != "" && !known[w] {
			known[w] = true
			list = append(list, w)
		}
	}
	return list
}
