// Package meta reads what cameras and programs have written beside the pixels: EXIF, IPTC and XMP. Much of it is not as the standards say;
// what is wrong is left out, and ends nothing else. It must not know how pictures are decoded.
package meta

import (
	"encoding/binary"
	"io"
	"math"
	"strings"
	"unicode/utf8"
)

// EXIF holds what an EXIF block says (Exif 3.0). A field that the block lacks or fills with nonsense has its zero value.
type EXIF struct {
	// Orientation is 1 to 8; 0: not given.
	Orientation int
	// Original, Digitized and Modified are the dates as written, and their zones.
	Original, Digitized, Modified             string
	OriginalZone, DigitizedZone, ModifiedZone string
	Maker, Model, Lens, Software              string
	// Width and Height are the size in pixels.
	Width, Height int
	Rating        Rating
	Place         Place
	// IPTC, Resources and XMP are the blocks that a TIFF stores in its own tags.
	IPTC, Resources, XMP []byte
}

// Rating is a number of stars. Microsoft stores a percentage too.
type Rating struct {
	Stars int
	Known bool
}

// Place is a position in degrees.
type Place struct {
	Latitude, Longitude float64
	Known               bool
}

// The tags that are read (Exif 3.0, section 4.6; XMP part 3; Microsoft's Windows Imaging Component).
const (
	tagMaker         = 0x010f
	tagModel         = 0x0110
	tagOrientation   = 0x0112
	tagSoftware      = 0x0131
	tagModified      = 0x0132
	tagXMP           = 0x02bc
	tagRating        = 0x4746
	tagRatingPercent = 0x4749
	tagIPTC          = 0x83bb
	tagResources     = 0x8649
	tagExif          = 0x8769
	tagGPS           = 0x8825
	tagOriginal      = 0x9003
	tagDigitized     = 0x9004
	tagModifiedZone  = 0x9010
	tagOriginalZone  = 0x9011
	tagDigitizedZone = 0x9012
	tagWidth         = 0xa002
	tagHeight        = 0xa003
	tagLens          = 0xa434

	gpsLatitudeRef  = 1
	gpsLatitude     = 2
	gpsLongitudeRef = 3
	gpsLongitude    = 4
)

const (
	maxEntries = 4096
	maxText    = 64 << 10
	maxBlock   = 16 << 20
)

// directory holds the entries of an image file directory (TIFF 6.0, section 2) by tag; of a tag that occurs twice, the first counts.
type directory map[uint16]entry

// entry is a value; at is its offset.
type entry struct {
	kind  uint16
	count int64
	at    int64
}

// block is an EXIF block: a TIFF structure whose offsets start at base.
type block struct {
	r     io.ReaderAt
	base  int64
	end   int64
	order binary.ByteOrder
}

// ReadEXIF reads the EXIF block that lies at base..end of r. The number after the byte order is not checked: makers of raw files write their own.
func ReadEXIF(r io.ReaderAt, base, end int64) (x EXIF) {
	b, first := open(r, base, end)
	if first == nil {
		return x
	}
	b.fill(&x, first)
	if at := b.pointer(first[tagExif]); at > 0 {
		b.fill(&x, b.directory(at))
	}
	if at := b.pointer(first[tagGPS]); at > 0 {
		x.Place = b.place(b.directory(at))
	}
	return x
}

// open reads the byte order and the first directory; nil if there is none.
func open(r io.ReaderAt, base, end int64) (b block, first directory) {
	b = block{r: r, base: base, end: end}
	head := b.bytes(0, 8)
	if head == nil {
		return b, nil
	}
	switch string(head[:2]) {
	case "II":
		b.order = binary.LittleEndian
	case "MM":
		b.order = binary.BigEndian
	default:
		return b, nil
	}
	return b, b.directory(int64(b.order.Uint32(head[4:])))
}

// fill sets what a directory says and what is not known yet.
func (b block) fill(x *EXIF, d directory) {
	for tag, field := range map[uint16]*string{
		tagMaker: &x.Maker, tagModel: &x.Model, tagSoftware: &x.Software, tagLens: &x.Lens, tagModified: &x.Modified, tagOriginal: &x.Original,
		tagDigitized: &x.Digitized, tagModifiedZone: &x.ModifiedZone, tagOriginalZone: &x.OriginalZone, tagDigitizedZone: &x.DigitizedZone,
	} {
		if *field == "" {
			*field = b.text(d[tag])
		}
	}
	for tag, field := range map[uint16]*int{tagWidth: &x.Width, tagHeight: &x.Height} {
		if n, ok := b.number(d[tag]); ok && *field == 0 && n > 0 && n <= math.MaxInt32 {
			*field = int(n)
		}
	}
	if n, ok := b.number(d[tagOrientation]); ok && x.Orientation == 0 && n >= 1 && n <= 8 {
		x.Orientation = int(n)
	}
	if !x.Rating.Known {
		x.Rating = b.rating(d)
	}
	for tag, field := range map[uint16]*[]byte{tagIPTC: &x.IPTC, tagResources: &x.Resources, tagXMP: &x.XMP} {
		if e := d[tag]; *field == nil && e.count > 0 && e.count*size(e.kind) <= maxBlock {
			*field = b.bytes(e.at, e.count*size(e.kind))
		}
	}
}

// rating reads the stars, or the percentage that stands for them.
func (b block) rating(d directory) Rating {
	if n, ok := b.number(d[tagRating]); ok && n >= 0 && n <= 5 {
		return Rating{int(n), true}
	}
	if n, ok := b.number(d[tagRatingPercent]); ok {
		return percent(float64(n))
	}
	return Rating{}
}

// percent converts Microsoft's percentage: 1, 25, 50, 75 and 99 stand for one to five stars.
func percent(p float64) Rating {
	const perStar = 25
	switch {
	case !(p >= 0 && p <= 100):
		return Rating{}
	case p < 1:
		return Rating{0, true}
	}
	return Rating{1 + int(math.Round(p/perStar)), true}
}

// place reads the coordinates: degrees, or degrees and minutes, or degrees, minutes and seconds, and a hemisphere.
func (b block) place(d directory) Place {
	lat, okLat := b.coordinate(d[gpsLatitude], d[gpsLatitudeRef], "N", "S")
	long, okLong := b.coordinate(d[gpsLongitude], d[gpsLongitudeRef], "E", "W")
	return Position(lat, long, okLat && okLong)
}

// Position returns a place if the coordinates are one on earth other than 0,0, which devices write if they do not know their position.
func Position(lat, long float64, known bool) Place {
	if !known || !(math.Abs(lat) <= 90) || !(math.Abs(long) <= 180) || lat == 0 && long == 0 {
		return Place{}
	}
	return Place{lat, long, true}
}

func (b block) coordinate(value, ref entry, positive, negative string) (float64, bool) {
	parts := b.fractions(value, 3)
	if len(parts) == 0 {
		return 0, false
	}
	degrees, unit := 0.0, 1.0
	for _, part := range parts {
		degrees += part / unit
		unit *= 60
	}
	switch strings.ToUpper(b.text(ref)) {
	case positive:
		return degrees, true
	case negative:
		return -degrees, true
	}
	return 0, false
}

// typeSizes holds the size of a value of each type, from BYTE, type 1; type 129 is UTF-8.
var typeSizes = [...]int64{1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}

const utf8Type = 129

func size(kind uint16) int64 {
	switch {
	case int(kind) < len(typeSizes):
		return typeSizes[kind]
	case kind == utf8Type:
		return 1
	}
	return 0
}

// directory reads the entries at an offset; as many as there are, if the block ends before them.
func (b block) directory(at int64) directory {
	head := b.bytes(at, 2)
	if at <= 0 || head == nil {
		return nil
	}
	const entrySize = 12
	n := min(int64(b.order.Uint16(head)), maxEntries, (b.end-b.base-at-2)/entrySize)
	all := b.bytes(at+2, entrySize*n)
	d := make(directory)
	for i := range int64(len(all)) / entrySize {
		raw := all[entrySize*i : entrySize*(i+1)]
		e := entry{kind: b.order.Uint16(raw[2:]), count: int64(b.order.Uint32(raw[4:])), at: at + 2 + 12*i + 8}
		if size(e.kind) == 0 || e.count == 0 {
			continue // an unknown type; other entries may still be valid
		}
		const inline = 4
		if e.count*size(e.kind) > inline {
			e.at = int64(b.order.Uint32(raw[8:]))
		}
		if tag := b.order.Uint16(raw); d[tag].count == 0 {
			d[tag] = e
		}
	}
	return d
}

// bytes returns n bytes at an offset, nil if the block does not have them.
func (b block) bytes(at, n int64) []byte {
	if at < 0 || n <= 0 || at > b.end-b.base-n {
		return nil
	}
	data := make([]byte, n)
	if _, err := b.r.ReadAt(data, b.base+at); err != nil {
		return nil
	}
	return data
}

// number returns the first whole number of an entry of any numeric type.
func (b block) number(e entry) (int64, bool) {
	if e.count == 0 {
		return 0, false
	}
	data := b.bytes(e.at, size(e.kind))
	if data == nil {
		return 0, false
	}
	switch e.kind {
	case 1, 7:
		return int64(data[0]), true
	case 3:
		return int64(b.order.Uint16(data)), true
	case 4, 13:
		return int64(b.order.Uint32(data)), true
	case 6:
		return int64(int8(data[0])), true
	case 8:
		return int64(int16(b.order.Uint16(data))), true //nolint:gosec // a signed number
	case 9:
		return int64(int32(b.order.Uint32(data))), true //nolint:gosec // a signed number
	case 5, 10, 11, 12:
		if f := b.fractions(e, 1); len(f) > 0 && f[0] == math.Trunc(f[0]) && math.Abs(f[0]) <= math.MaxInt32 {
			return int64(f[0]), true
		}
	}
	return 0, false
}

// pointer returns the offset of a directory, 0 if there is none.
func (b block) pointer(e entry) int64 {
	n, _ := b.number(e)
	return max(n, 0)
}

// fractions returns at most n numbers of an entry of any numeric type; none if one is not a number.
func (b block) fractions(e entry, n int64) []float64 {
	n = min(n, e.count)
	data := b.bytes(e.at, n*size(e.kind))
	if data == nil {
		return nil
	}
	values := make([]float64, n)
	for i := range values {
		v := data[int64(i)*size(e.kind):]
		switch e.kind {
		case 5:
			values[i] = ratio(float64(b.order.Uint32(v)), float64(b.order.Uint32(v[4:])))
		case 10:
			values[i] = ratio(float64(int32(b.order.Uint32(v))), float64(int32(b.order.Uint32(v[4:])))) //nolint:gosec // signed numbers
		case 11:
			values[i] = float64(math.Float32frombits(b.order.Uint32(v)))
		case 12:
			values[i] = math.Float64frombits(b.order.Uint64(v))
		default:
			return nil
		}
		if math.IsNaN(values[i]) || math.IsInf(values[i], 0) {
			return nil
		}
	}
	return values
}

// ratio divides; 0/0, which stands for an unused part, is 0.
func ratio(a, b float64) float64 {
	if a == 0 && b == 0 {
		return 0
	}
	return a / b
}

// text returns a text up to its first NUL, without spaces around it. What is not UTF-8 is taken for Latin-1.
func (b block) text(e entry) string {
	switch e.kind {
	case 1, 2, 7, utf8Type:
	default:
		return ""
	}
	return cleanText(b.bytes(e.at, min(e.count, maxText)))
}

func cleanText(data []byte) string {
	text, _, _ := strings.Cut(string(data), "\x00")
	return strings.TrimSpace(asUTF8(text))
}

// asUTF8 returns a text that may be Latin-1.
func asUTF8(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	runes := make([]rune, len(text))
	for i := range len(text) {
		runes[i] = rune(text[i])
	}
	return string(runes)
}
