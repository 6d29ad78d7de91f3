package decode

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/bep/imagemeta"

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

// maxXMP bounds the size of a packet or sidecar in bytes; programs that store their editing history in it write several hundred thousand.
const maxXMP = 4 << 20

// errXMP means that a packet is not valid XMP.
var errXMP = errors.New("damaged XMP")

// ReadXMP reads the owner's metadata from an XMP packet or a sidecar file.
func ReadXMP(packet []byte) (l OwnerMetadata, err error) {
	defer caught.Error(&err)
	if len(packet) > maxXMP {
		return l, errXMP
	}
	// The library reads XMP only inside pictures; the smallest one is a WebP that contains nothing else.
	le := binary.LittleEndian
	file := le.AppendUint32([]byte("RIFF"), uint32(4+8+len(packet)+len(packet)%2)) //nolint:gosec // maxXMP
	file = le.AppendUint32(append(file, "WEBPXMP "...), uint32(len(packet)))       //nolint:gosec // maxXMP
	file = append(file, packet...)
	if len(packet)%2 == 1 {
		file = append(file, 0)
	}
	read := false
	_, err = imagemeta.Decode(imagemeta.Options{
		R: bytes.NewReader(file), ImageFormat: imagemeta.WebP, Sources: imagemeta.XMP,
		ShouldHandleTag: func(tag imagemeta.TagInfo) bool { return xmpTags[tag.Tag] == tag.Namespace },
		HandleTag: func(tag imagemeta.TagInfo) error {
			read = true
			switch tag.Tag {
			case "Rating":
				l.Rating, l.Rated = rating(tag.Value)
			case "Subject":
				l.Keywords = keywords(tag.Value)
			}
			return nil
		},
		Warnf: func(string, ...any) {},
	})
	if err != nil && !read {
		return l, errXMP
	}
	return l, nil
}

// xmpTags are the properties to read, with their namespaces: other namespaces have a different Rating, out of 99.
var xmpTags = map[string]string{
	"Rating":  "http://ns.adobe.com/xap/1.0/",
	"Subject": "http://purl.org/dc/elements/1.1/",
}

// xmpAt reads the owner's metadata from a packet inside a file.
func xmpAt(r io.ReaderAt, start, end int64) OwnerMetadata {
	if end-start > maxXMP {
		return OwnerMetadata{}
	}
	packet := make([]byte, end-start)
	if _, err := r.ReadAt(packet, start); err != nil && !errors.Is(err, io.EOF) {
		return OwnerMetadata{}
	}
	l, _ := ReadXMP(packet) // a damaged packet is ignored
	return l
}

// tagOwnerMetadata returns the owner's metadata of a picture. XMP takes precedence over IPTC and EXIF.
func tagOwnerMetadata(tags imagemeta.Tags, packets [][]byte) (l OwnerMetadata) {
	l.Rating, l.Rated = rating(tags.EXIF()["Rating"].Value)
	l.Keywords = keywords(tags.IPTC()["Keywords"].Value)
	for _, packet := range packets {
		if over, err := ReadXMP(packet); err == nil {
			l = l.under(over)
		}
	}
	return l
}

// rating reads the number of stars. XMP stores it as text, and some programs write "3.0".
func rating(value any) (stars int, ok bool) {
	var f float64
	switch v := value.(type) {
	case uint16:
		f = float64(v)
	case string:
		var err error
		if f, err = strconv.ParseFloat(strings.TrimSpace(v), 64); err != nil {
			return 0, false
		}
	default:
		return 0, false
	}
	if !(f >= -1 && f <= 5) {
		return 0, false
	}
	return int(math.Round(f)), true
}

// keywords returns a tag's keywords without duplicates.
func keywords(value any) (list []string) {
	var words []string
	switch v := value.(type) {
	case string:
		words = []string{v}
	case []string:
		words = v
	}
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
