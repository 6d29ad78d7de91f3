package decode

import (
	"bytes"
	"math"
	"strings"
	"time"

	"github.com/bep/imagemeta"
)

// Meta is what EXIF says of a picture. A field that EXIF lacks, or fills with nonsense, is its zero value.
type Meta struct {
	// Orientation is EXIF's 1 to 8; 1 where none is given.
	Orientation int
	// TakenAt is the local time of the exposure in RFC 3339, with the zone only where EXIF records it:
	// "2023-07-01T12:00:00" or "2023-07-01T12:00:00+02:00".
	TakenAt string
	// Camera is the maker and model, the maker not said twice.
	Camera string
	// HasGPS tells whether Latitude and Longitude are known, in degrees.
	HasGPS              bool
	Latitude, Longitude float64
}

var exifFormats = map[Format]imagemeta.ImageFormat{
	JPEG: imagemeta.JPEG, PNG: imagemeta.PNG, TIFF: imagemeta.TIFF, WebP: imagemeta.WebP,
}

// ReadMeta reads a whole file's EXIF. Damaged EXIF costs the metadata, not the picture.
func ReadMeta(format Format, data []byte) Meta {
	meta := Meta{Orientation: 1}
	exifFormat, ok := exifFormats[format]
	if !ok {
		return meta
	}
	tags := collectTags(exifFormat, data)
	exif := tags.EXIF()
	if v, ok := exif["Orientation"].Value.(uint16); ok && v >= 1 && v <= 8 {
		meta.Orientation = int(v)
	}
	meta.TakenAt = takenAt(exif)
	meta.Camera = camera(exif)
	meta.HasGPS, meta.Latitude, meta.Longitude = place(tags)
	return meta
}

// place reads the coordinates. The library panics on tags of an unexpected type, as hostile files have them.
func place(tags imagemeta.Tags) (ok bool, lat, long float64) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	lat, long, err := tags.GetLatLong()
	if err != nil || math.Abs(lat) > 90 || math.Abs(long) > 180 || lat == 0 && long == 0 {
		return false, 0, 0
	}
	return true, lat, long
}

// wanted are the tags that Meta needs; all others are skipped unread.
var wanted = map[string]bool{
	"Orientation": true, "Make": true, "Model": true,
	"DateTimeOriginal": true, "OffsetTimeOriginal": true, "CreateDate": true,
	"GPSLatitude": true, "GPSLatitudeRef": true, "GPSLongitude": true, "GPSLongitudeRef": true,
}

func collectTags(format imagemeta.ImageFormat, data []byte) (tags imagemeta.Tags) {
	// What was collected before an error or a panic is used.
	defer func() { _ = recover() }()
	_, _ = imagemeta.Decode(imagemeta.Options{
		R:               bytes.NewReader(data),
		ImageFormat:     format,
		Sources:         imagemeta.EXIF,
		ShouldHandleTag: func(tag imagemeta.TagInfo) bool { return wanted[tag.Tag] },
		HandleTag: func(tag imagemeta.TagInfo) error {
			// IFD1 describes the thumbnail; the first word on a tag counts.
			if !strings.HasPrefix(tag.Namespace, "IFD1") && !tags.Has(tag) {
				tags.Add(tag)
			}
			return nil
		},
		Warnf: func(string, ...any) {},
	})
	return tags
}

func text(exif map[string]imagemeta.TagInfo, tag string) string {
	s, _ := exif[tag].Value.(string)
	return strings.TrimSpace(strings.Trim(s, "\x00"))
}

func takenAt(exif map[string]imagemeta.TagInfo) string {
	stamp := text(exif, "DateTimeOriginal")
	if stamp == "" {
		stamp = text(exif, "CreateDate")
	}
	t, err := time.Parse("2006:01:02 15:04:05", stamp)
	if err != nil || t.Year() < 1826 { // the first photograph
		return ""
	}
	local := t.Format("2006-01-02T15:04:05")
	offset := text(exif, "OffsetTimeOriginal")
	if _, err := time.Parse("-07:00", offset); err == nil {
		return local + offset
	}
	return local
}

func camera(exif map[string]imagemeta.TagInfo) string {
	maker, model := text(exif, "Make"), text(exif, "Model")
	switch {
	case model == "":
		return maker
	case strings.HasPrefix(strings.ToLower(model), strings.ToLower(maker)):
		return model
	}
	return maker + " " + model
}
