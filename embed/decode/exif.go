package decode

import (
	"io"
	"math"
	"strings"
	"time"

	"github.com/bep/imagemeta"

	"github.com/imgsearch/imgsearch/internal/caught"
)

// MetaVersion is incremented when Meta or OwnerMetadata read more than before, so that the metadata of known files is read again.
const MetaVersion = 2

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

var metaFormats = map[Format]imagemeta.ImageFormat{
	JPEG: imagemeta.JPEG, PNG: imagemeta.PNG, TIFF: imagemeta.TIFF, WebP: imagemeta.WebP, HEIC: imagemeta.HEIF, AVIF: imagemeta.AVIF,
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
	var meta Meta
	size, err := r.Seek(0, io.SeekEnd)
	if err != nil {
		return meta
	}
	if exif, err := findBox(r, 0, size, "Exif"); err == nil && exif.end-exif.start > 4 {
		meta = readTags(imagemeta.TIFF, io.NewSectionReader(r, exif.start+4, exif.end-exif.start-4))
	}
	if xmp, err := findBox(r, 0, size, "xml "); err == nil {
		meta.OwnerMetadata = meta.under(xmpAt(r, xmp.start, xmp.end))
	}
	return meta
}

// tiffMeta reads the metadata of a camera raw file in TIFF's layout, even if the maker wrote another number instead of TIFF's 42.
func tiffMeta(r io.ReaderAt, size int64) Meta {
	return readTags(imagemeta.TIFF, io.NewSectionReader(as42{r}, 0, size))
}

// as42 presents a file with TIFF's number, 42, after the byte order.
type as42 struct{ r io.ReaderAt }

func (a as42) ReadAt(p []byte, off int64) (int, error) {
	n, err := a.r.ReadAt(p, off)
	if off < 4 && off+int64(n) >= 4 {
		order := []byte("II")
		_, _ = a.r.ReadAt(order, 0)
		number := []byte{42, 0}
		if order[0] == 'M' {
			number = []byte{0, 42}
		}
		for i, b := range number {
			if at := int64(2+i) - off; at >= 0 {
				p[at] = b
			}
		}
	}
	return n, err
}

func readTags(format imagemeta.ImageFormat, r io.ReadSeeker) Meta {
	meta := Meta{Orientation: 1}
	tags, packets := collectTags(format, r)
	exif := tags.EXIF()
	if v, ok := exif["Orientation"].Value.(uint16); ok && v >= 1 && v <= 8 {
		meta.Orientation = int(v)
	}
	meta.TakenAt, meta.TakenFrom = takenAt(exif)
	meta.Camera = cameraName(text(exif, "Make"), text(exif, "Model"))
	meta.Lens = text(exif, "LensModel")
	meta.Software = text(exif, "Software")
	meta.Width, meta.Height = number(exif, "ExifImageWidth"), number(exif, "ExifImageHeight")
	meta.OwnerMetadata = tagOwnerMetadata(tags, packets)
	meta.HasGPS, meta.Latitude, meta.Longitude = place(tags)
	return meta
}

// place reads the coordinates. The library panics on tags of an unexpected type, which hostile files contain.
func place(tags imagemeta.Tags) (ok bool, lat, long float64) {
	defer caught.Error(new(error))
	lat, long, err := tags.GetLatLong()
	if err != nil || !plausiblePlace(lat, long) {
		return false, 0, 0
	}
	return true, lat, long
}

// plausiblePlace reports whether the coordinates are a place on earth other than 0,0, which devices write if they do not know their position.
func plausiblePlace(lat, long float64) bool {
	return math.Abs(lat) <= 90 && math.Abs(long) <= 180 && (lat != 0 || long != 0)
}

// wanted are the tags that Meta needs; all others are skipped unread.
var wanted = map[string]bool{
	"Orientation": true, "Make": true, "Model": true,
	"DateTimeOriginal": true, "OffsetTimeOriginal": true, "CreateDate": true,
	"Software": true, "ExifImageWidth": true, "ExifImageHeight": true,
	"LensModel": true, "Rating": true, "Keywords": true,
	"GPSLatitude": true, "GPSLatitudeRef": true, "GPSLongitude": true, "GPSLongitudeRef": true,
}

// collectTags reads the tags of EXIF and IPTC, and the packets of XMP. The packets are parsed separately, so that a damaged one
// does not affect the others.
func collectTags(format imagemeta.ImageFormat, r io.ReadSeeker) (tags imagemeta.Tags, packets [][]byte) {
	// Tags collected before an error or a panic are used.
	defer caught.Error(new(error))
	_, _ = imagemeta.Decode(imagemeta.Options{
		R:               r,
		ImageFormat:     format,
		Sources:         imagemeta.EXIF | imagemeta.IPTC | imagemeta.XMP,
		ShouldHandleTag: func(tag imagemeta.TagInfo) bool { return wanted[tag.Tag] },
		HandleTag: func(tag imagemeta.TagInfo) error {
			// IFD1 describes the thumbnail. The first value of a tag counts.
			if !strings.HasPrefix(tag.Namespace, "IFD1") && !tags.Has(tag) {
				tags.Add(tag)
			}
			return nil
		},
		HandleXMP: func(r io.Reader) error {
			packet, err := io.ReadAll(io.LimitReader(r, maxXMP))
			if err == nil {
				packets = append(packets, packet)
				_, err = io.Copy(io.Discard, r)
			}
			return err
		},
		Warnf: func(string, ...any) {},
	})
	return tags, packets
}

func text(exif map[string]imagemeta.TagInfo, tag string) string {
	s, _ := exif[tag].Value.(string)
	return strings.TrimSpace(strings.Trim(s, "\x00"))
}

// number returns the value of a 16-bit or 32-bit tag, or 0 if there is none.
func number(exif map[string]imagemeta.TagInfo, tag string) int {
	switch v := exif[tag].Value.(type) {
	case uint16:
		return int(v)
	case uint32:
		return int(v)
	}
	return 0
}

// DateTag is a tag that holds a date; 0 means none.
type DateTag int

// The tags, the most trusted first.
const (
	DateTimeOriginal  DateTag = 1
	DateTimeDigitized DateTag = 2 // which the metadata library calls CreateDate
)

func takenAt(exif map[string]imagemeta.TagInfo) (string, DateTag) {
	return earliestTag(text(exif, "DateTimeOriginal"), text(exif, "CreateDate"), text(exif, "OffsetTimeOriginal"))
}

// earliestTag returns the time of the most trusted tag that is present, and that tag.
func earliestTag(original, digitized, offset string) (string, DateTag) {
	stamp, from := original, DateTimeOriginal
	if stamp == "" {
		stamp, from = digitized, DateTimeDigitized
	}
	taken := localTime(stamp, offset)
	if taken == "" {
		from = 0
	}
	return taken, from
}

// localTime converts EXIF's "2023:07:01 12:00:00" and its zone to RFC 3339.
func localTime(stamp, offset string) string {
	t, err := time.Parse("2006:01:02 15:04:05", stamp)
	if err != nil || t.Year() < 1826 { // the first photograph
		return ""
	}
	local := t.Format("2006-01-02T15:04:05")
	if _, err := time.Parse("-07:00", offset); err == nil {
		return local + offset
	}
	return local
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
