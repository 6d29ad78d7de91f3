package decode

import (
	"encoding/binary"
	"io"

	"github.com/imgsearch/imgsearch/embed/decode/meta"
)

// The boxes of Canon's CR3 files (ISO base media files) that hold JPEG pictures and metadata. Canon publishes no
// description; the layout is taken from lclevy's canon_cr3, which was derived from files.
const (
	cr3Metadata = "\x85\xc0\xb6\x87\x82\x0f\x11\xe0\x81\x11\xf4\xce\x46\x2b\x6a\x48" // in moov: CMT1 to CMT4, THMB
	cr3Preview  = "\xea\xf4\x2b\x5e\x1c\x98\x4b\x88\xb9\xfb\xb7\xdc\x40\x6e\x4d\x16" // at the top: PRVW
	cr3XMP      = "\xbe\x7a\xcf\xcb\x97\xa9\x42\xe8\x9c\x71\x99\x94\x91\xe3\xaf\xac" // at the top: XMP
)

// readCR3 reads a Canon CR3 file.
func readCR3(r io.ReaderAt, size int64) (*rawFile, error) {
	l := &previewList{r: r, size: size}
	var blocks meta.Blocks
	var width, height int
	err := readBoxes(r, 0, size, func(b box) (bool, error) {
		switch b.kind {
		case "moov":
			return true, readBoxes(r, b.start, b.end, func(b box) (bool, error) {
				switch {
				case b.kind == "uuid" && hasUUID(r, b, cr3Metadata):
					return true, cr3Meta(r, b, &blocks, &width, &height)
				case b.kind == "trak":
					return true, l.addTrack(r, b)
				}
				return true, nil
			})
		case "uuid":
			if hasUUID(r, b, cr3XMP) {
				blocks.AddXMP(r, b.start+16, b.end)
			}
			if hasUUID(r, b, cr3Preview) {
				// 8 bytes, then PRVW: 16 bytes of its own, and the JPEG.
				p, err := findBox(r, b.start+16+8, b.end, "PRVW")
				if p.kind != "" {
					l.add(p.start+16, p.end-p.start-16)
				}
				return true, err
			}
		}
		return true, nil
	})
	if err != nil {
		return nil, err
	}
	return l.finish(combine(blocks), width, height)
}

func hasUUID(r io.ReaderAt, b box, uuid string) bool {
	var id [16]byte
	_, err := r.ReadAt(id[:], b.start)
	return err == nil && string(id[:]) == uuid
}

// cr3Meta reads the directories CMT1 (of the picture), CMT2 (EXIF) and CMT4 (GPS), each a small TIFF of its own.
func cr3Meta(r io.ReaderAt, b box, blocks *meta.Blocks, width, height *int) error {
	return readBoxes(r, b.start+16, b.end, func(b box) (bool, error) {
		switch b.kind {
		case "CMT1", "CMT2":
			blocks.AddDirectory(r, b.start, b.end)
		case "CMT4":
			blocks.AddPlace(r, b.start, b.end)
		}
		if b.kind != "CMT1" {
			return true, nil
		}
		t, first, err := openTIFF(r, b.start, b.end)
		if err != nil {
			return true, nil //nolint:nilerr // damaged metadata is skipped
		}
		if d, _, err := t.dir(first); err == nil {
			*width, *height = int(t.number(d, tagWidth, 0)), int(t.number(d, tagHeight, 0))
		}
		return true, nil
	})
}

// addTrack adds a track's JPEG, which has full size and is stored as one sample. Tracks with raw data contain no JPEG.
func (l *previewList) addTrack(r io.ReaderAt, trak box) error {
	at := trak
	for _, kind := range []string{"mdia", "minf", "stbl"} {
		found, err := findBox(r, at.start, at.end, kind)
		if err != nil || found.kind == "" {
			return err
		}
		at = found
	}
	var length, offset int64
	err := readBoxes(r, at.start, at.end, func(b box) (bool, error) {
		switch b.kind {
		case "stsz", "co64", "stco":
		default:
			return true, nil
		}
		var v [20]byte
		n, _ := r.ReadAt(v[:min(int64(len(v)), b.end-b.start)], b.start)
		switch {
		case b.kind == "stsz" && n >= 8: // version, size of all samples or 0, their number, sizes
			if length = int64(binary.BigEndian.Uint32(v[4:])); length == 0 && n >= 16 {
				length = int64(binary.BigEndian.Uint32(v[12:]))
			}
		case b.kind == "co64" && n >= 16:
			offset = int64(binary.BigEndian.Uint64(v[8:]))
		case b.kind == "stco" && n >= 12:
			offset = int64(binary.BigEndian.Uint32(v[8:]))
		}
		return true, nil
	})
	if err == nil {
		l.add(offset, length)
	}
	return err
}
