package decode

import (
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
}

// under returns l overridden by the values that over sets.
func (l OwnerMetadata) under(over OwnerMetadata) OwnerMetadata {
	if over.Rated {
		l.Rating, l.Rated = over.Rating, true
	}
	if len(over.Keywords) > 0 {
		l.Keywords = over.Keywords
	}
	return l
}

// ReadXMP reads the owner's metadata from an XMP packet or a sidecar file. Its errors wrap meta.ErrXMP.
func ReadXMP(packet []byte) (l OwnerMetadata, err error) {
	defer caught.Error(&err)
	x, err := meta.ReadXMP(packet)
	return ownerOf(x), err
}

func ownerOf(x meta.XMP) OwnerMetadata {
	return OwnerMetadata{Rating: x.Rating.Stars, Rated: x.Rating.Known, Keywords: keywords(x.Keywords)}
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
