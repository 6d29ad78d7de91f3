// Package decode turns a file's bytes into upright RGB rows, and reads the picture's identity, size and
// EXIF. Formats are recognised by content, never by name. It must not know tensors, models or the index.
package decode

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"

	"github.com/imgsearch/imgsearch/embed/decode/bmp"
)

// Version is incremented when a decoder or its settings accept files that were refused before. Pictures that failed
// under another version are tried again.
const Version = 5

var (
	// ErrEmpty means that the file has no content.
	ErrEmpty = errors.New("empty file")
	// ErrNotPicture means that the content does not begin like any known picture format.
	ErrNotPicture = errors.New("not a picture: the content is not in a known image format")
	// ErrUnsupported means that the picture format, or this variant of it, is known but not supported.
	ErrUnsupported = errors.New("unsupported picture format")
	// ErrTooLarge means that the picture has more pixels than the limit.
	ErrTooLarge = errors.New("too many pixels")
)

// Format is a file format, by its usual short name.
type Format string

// The formats that are decoded.
const (
	JPEG Format = "jpeg"
	PNG  Format = "png"
	GIF  Format = "gif"
	BMP  Format = "bmp"
	TIFF Format = "tiff"
	WebP Format = "webp"
	HEIC Format = "heic"
	AVIF Format = "avif"
	JXL  Format = "jxl"
	// CR3 and RAF are camera raw files in containers of their own; those in TIFF's layout are recognised by their contents (rawKinds).
	CR3 Format = "cr3"
	RAF Format = "raf"

	rawTIFF Format = "raw"
)

// RawFormats returns the camera raw formats, which are decoded from their embedded previews.
func RawFormats() []Format {
	list := []Format{"dng", CR3, rawTIFF}
	for _, k := range rawKinds {
		list = append(list, k.kind)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// SniffLen is the number of leading bytes that Sniff needs.
const SniffLen = 32

// Sniff recognises a picture format by the file's first bytes. supported is false for formats that are known but
// not decoded; format is "" for anything that is not a picture.
func Sniff(head []byte) (format Format, supported bool) {
	has := func(offset int, magic string) bool {
		return len(head) >= offset+len(magic) && string(head[offset:offset+len(magic)]) == magic
	}
	switch {
	case has(0, "\xff\xd8\xff"), has(0, "\xff\xd8") && beginsSegment(head[2:]):
		return JPEG, true
	case has(0, "\x89PNG\r\n\x1a\n"):
		return PNG, true
	case has(0, "GIF87a"), has(0, "GIF89a"):
		return GIF, true
	case bmp.IsHeader(head):
		return BMP, true
	case has(0, "RIFF") && has(8, "WEBP"):
		return WebP, true
	case has(0, "II*\x00"), has(0, "MM\x00*"):
		if has(8, "CR\x02\x00") {
			return rawTIFF, true
		}
		return TIFF, true // or a camera raw file, which only the directories show
	case has(0, "II+\x00"), has(0, "MM\x00+"):
		return TIFF, true // BigTIFF
	case has(4, "ftyp"):
		return sniffISO(head)
	case has(0, "8BPS"):
		return "psd", false
	case has(0, "\xff\x0a"), has(0, "\x00\x00\x00\x0cJXL \r\n\x87\n"):
		return JXL, true
	case has(0, "\x00\x00\x00\x0cjP  \r\n\x87\n"), has(0, "\xff\x4f\xff\x51"):
		return "jp2", false
	case has(0, "FUJIFILMCCD-RAW"):
		return RAF, true
	case has(0, "IIRO"), has(0, "IIRS"), has(0, "MMOR"), has(0, "IIU\x00"):
		return rawTIFF, true
	case has(0, "FOVb"), has(0, "\x00MRM"), has(6, "HEAPCCDR"):
		return "raw", false
	case has(0, "qoif"):
		return "qoi", false
	}
	return "", false
}

// beginsSegment reports whether a segment that stands at the beginning of JPEG files follows some bytes that do not belong there.
func beginsSegment(data []byte) bool {
	for i := 0; i+3 < len(data); i++ {
		if m := data[i+1]; data[i] == 0xff && (m >= markerAPP0 && m <= markerAPP2 || m == markerDQT) && data[i+2] < 0x40 {
			return true
		}
	}
	return false
}

// sniffISO recognises an ISO base media file by its brands (ISO/IEC 14496-12, 4.3). If the major brand is a general one, the first compatible one
// that is ours decides, unless the others are those of films, which may name a picture's brand too. How a HEIF file's pictures are coded is determined later, from its contents.
func sniffISO(head []byte) (format Format, ok bool) {
	if format, ok = brand(head); ok || format != "" || len(head) < 12 || isFilm(string(head[8:12])) && string(head[8:12]) != "isom" {
		return format, ok
	}
	for at := 16; at+4 <= len(head) && at+4 <= int(binary.BigEndian.Uint32(head)); at += 4 {
		name := string(head[at : at+4])
		if name != "isom" && isFilm(name) {
			return "", false
		}
		if !ok && name != "msf1" && name != "hevc" && name != "hevx" && name != "avis" { // sequences
			format, ok = brand(append(bytes.Clone(head[:8]), name...))
		}
	}
	return format, ok
}

// isFilm reports whether a brand is one of films or sound.
func isFilm(name string) bool {
	return slices.Contains([]string{"iso", "mp4", "avc", "qt ", "3gp", "3g2", "M4V", "M4A", "mmp", "das"}, name[:3])
}

// brand returns the format of the brand at offset 8.
func brand(head []byte) (Format, bool) {
	if len(head) < 12 {
		return "", false
	}
	switch string(head[8:12]) {
	case "heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1", "MiHB", "MiHA", "MiHE":
		return HEIC, true
	case "avif", "avis":
		return AVIF, true
	case "crx ":
		return CR3, true
	}
	return "", false
}
