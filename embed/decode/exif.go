package decode

import (
	"cmp"
	"io"
	"strings"

	"github.com/imgsearch/imgsearch/embed/decode/meta"
	"github.com/imgsearch/imgsearch/internal/caught"
)

// MetaVersion is incremented when Meta or OwnerMetadata read more than before, so that the metadata of known files is read again.
const MetaVersion = 5

// Meta is a picture's metadata. A field that the file lacks or fills with nonsense has its zero value.
type Meta struct {
	// Orientation is EXIF's 1 to 8; it is 1 if the file gives none or the format's decoder turns the picture itself.
	Orientation int
	// TakenAt is the local time of the exposure in RFC 3339, with the zone only where EXIF records it:
	// "2023-07-01T12:00:00" or "2023-07-01T12:00:00+02:00".
	TakenAt string
	// TakenFrom is the tag that TakenAt comes from.
	TakenFrom DateTag
	// Camera is the maker and model, without repeating the maker.
	Camera string
	// Lens is the lens model.
	Lens string
	// Software is EXIF's Software: the program that wrote the file, or the camera's firmware.
	Software string
	// Width and Height are the size according to EXIF, in pixels as stored. It differs from the actual size if the picture was resized.
	Width, Height int
	// HasGPS reports whether Latitude and Longitude are known, in degrees.
	HasGPS              bool
	Latitude, Longitude float64
	OwnerMetadata
}

// Source is a file, or the parts of it that were read.
type Source interface {
	io.ReadSeeker
	io.ReaderAt
}

// Meta reads the picture's metadata from r: the file itself, or the data of Extents. Damaged metadata is skipped and does not
// affect the picture.
func (h Header) Meta(r Source) Meta {
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return Meta{Orientation: 1}
	}
	return h.codec.meta(r)
}

// jxlMeta reads the EXIF of a JPEG XL container (a TIFF after a 4-byte offset) and its XMP, if they are not compressed.
func jxlMeta(r Source) Meta {
	var b meta.Blocks
	size, err := r.Seek(0, io.SeekEnd)
	if err != nil {
		return Meta{Orientation: 1}
	}
	if exif, err := findBox(r, 0, size, "Exif"); err == nil && exif.end-exif.start > 4 {
		b.AddEXIF(r, exif.start+4, exif.end)
	}
	if xmp, err := findBox(r, 0, size, "xml "); err == nil {
		b.AddXMP(r, xmp.start, xmp.end)
	}
	return combine(b)
}

// tiffMeta reads the metadata of a TIFF, or of a camera raw file in its layout.
func tiffMeta(r io.ReaderAt, size int64) Meta {
	var b meta.Blocks
	b.AddTIFF(r, size)
	return combine(b)
}

// sizeOf returns the size of a source, 0 if it is unknown.
func sizeOf(r Source) int64 {
	size, err := r.Seek(0, io.SeekEnd)
	if err != nil {
		return 0
	}
	return size
}

// combine makes one Meta of all blocks. EXIF comes first for what the camera knows, XMP for what the owner decides.
func combine(b meta.Blocks) (m Meta) {
	defer caught.Error(new(error)) // what was read before a panic counts
	x := b.EXIF
	m = Meta{
		Orientation: max(x.Orientation, 1), Camera: cameraName(x.Maker, x.Model), Lens: x.Lens, Software: x.Software, Width: x.Width, Height: x.Height,
		HasGPS: x.Place.Known, Latitude: x.Place.Latitude, Longitude: x.Place.Longitude,
	}
	m.Rating, m.Rated = x.Rating.Stars, x.Rating.Known
	m.Keywords = keywords(meta.Keywords(b.IPTC))
	dates := []date{{x.Original, x.OriginalZone, DateTimeOriginal}, {x.Digitized, cmp.Or(x.DigitizedZone, x.OriginalZone), DateTimeDigitized}}
	for _, packet := range b.XMP {
		p, _ := meta.ReadXMP(packet) // what comes before any damage counts
		dates = append(dates, xmpDates(p)...)
		m.OwnerMetadata = m.under(ownerOf(p))
		if !m.HasGPS {
			m.HasGPS, m.Latitude, m.Longitude = p.Place.Known, p.Place.Latitude, p.Place.Longitude
		}
	}
	m.TakenAt, m.TakenFrom = firstDate(append(dates, date{x.Modified, x.ModifiedZone, ModifyDate}))
	return m
}

// date is a date as written, and its zone if it is stored elsewhere.
type date struct {
	text, zone string
	tag        DateTag
}

// DateTag is a tag that holds a date; 0 means none.
type DateTag int

// The tags, the most trusted first.
const (
	DateTimeOriginal  DateTag = 1
	DateTimeDigitized DateTag = 2
	XMPDate           DateTag = 3 // exif:DateTimeOriginal, photoshop:DateCreated or xmp:CreateDate
	ModifyDate        DateTag = 4
)

// firstDate returns the first date that is one, and its tag.
func firstDate(dates []date) (string, DateTag) {
	for _, d := range dates {
		if taken := meta.Date(d.text, d.zone); taken != "" {
			return taken, d.tag
		}
	}
	return "", 0
}

func cameraName(maker, model string) string {
	switch {
	case model == "":
		return maker
	case strings.HasPrefix(strings.ToLower(model), strings.ToLower(maker)):
		return model
	}
	return maker + " " + model
}
