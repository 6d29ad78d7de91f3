package decode

import (
	"encoding/binary"
	"errors"
	"io"
	"strings"
)

// tiffFile reads the image file directories (TIFF 6.0, section 2) of a file, or of a part of one whose offsets are relative to base.
type tiffFile struct {
	r     io.ReaderAt
	order binary.ByteOrder
	base  int64
	size  int64 // of the whole file
}

// tiffTag is one entry of a directory.
type tiffTag struct {
	kind  uint16
	count uint32
	// at is the offset of its values in the file.
	at int64
}

type tiffDir map[uint16]tiffTag

// Tags that are read (TIFF 6.0; TIFF/EP; EXIF 2.32; DNG 1.6).
const (
	tagSubfileType   = 0x00fe
	tagWidth         = 0x0100
	tagHeight        = 0x0101
	tagBits          = 0x0102
	tagCompression   = 0x0103
	tagPhotometric   = 0x0106
	tagMake          = 0x010f
	tagModel         = 0x0110
	tagStripOffsets  = 0x0111
	tagOrientation   = 0x0112
	tagSamples       = 0x0115
	tagRowsPerStrip  = 0x0116
	tagStripBytes    = 0x0117
	tagPlanar        = 0x011c
	tagTileWidth     = 0x0142
	tagTileHeight    = 0x0143
	tagTileOffsets   = 0x0144
	tagTileBytes     = 0x0145
	tagSubIFDs       = 0x014a
	tagJPEGTables    = 0x015b
	tagJPEGOffset    = 0x0201
	tagJPEGBytes     = 0x0202
	tagExifIFD       = 0x8769
	tagMakerNote     = 0x927c
	tagDNGVersion    = 0xc612
	tagPanasonicJPEG = 0x002e
)

const (
	maxTIFFTags = 4096
	maxTIFFDirs = 64
)

var errTIFF = errors.New("damaged directory")

// openTIFF reads the byte order and returns the offset of the first directory. The two bytes after the byte order are 42 in a
// TIFF and another number in some makers' files.
func openTIFF(r io.ReaderAt, base, size int64) (t *tiffFile, first int64, err error) {
	var head [8]byte
	if _, err := r.ReadAt(head[:], base); err != nil {
		return nil, 0, eof(err)
	}
	t = &tiffFile{r: r, base: base, size: size}
	switch string(head[:2]) {
	case "II":
		t.order = binary.LittleEndian
	case "MM":
		t.order = binary.BigEndian
	default:
		return nil, 0, errTIFF
	}
	if t.order.Uint16(head[2:]) == bigTIFF {
		return nil, 0, errTIFF // its offsets have 8 bytes: package tiff reads it
	}
	return t, int64(t.order.Uint32(head[4:])), nil
}

// bigTIFF is the number after the byte order of a BigTIFF.
const bigTIFF = 43

// typeSizes holds the size in bytes of a value of each type, starting at type 1: BYTE, ASCII, SHORT, LONG, RATIONAL, and so on.
var typeSizes = [...]int64{0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4}

// dir reads the directory at an offset. next is the offset of the following directory, or 0 if there is none.
func (t *tiffFile) dir(offset int64) (tags tiffDir, next int64, err error) {
	at := t.base + offset
	var count [2]byte
	if _, err := t.r.ReadAt(count[:], at); err != nil {
		return nil, 0, eof(err)
	}
	n := int64(t.order.Uint16(count[:]))
	if n == 0 || n > maxTIFFTags {
		return nil, 0, errTIFF
	}
	data := make([]byte, 12*n+4)
	read, err := t.r.ReadAt(data, at+2)
	if int64(read) < 12*n { // the last directory may lack the offset at its end
		return nil, 0, eof(err)
	}
	tags = make(tiffDir, n)
	for i := range n {
		entry := data[12*i : 12*i+12]
		tag := tiffTag{kind: t.order.Uint16(entry[2:]), count: t.order.Uint32(entry[4:]), at: at + 2 + 12*i + 8}
		if int(tag.kind) >= len(typeSizes) {
			continue
		}
		if typeSizes[tag.kind]*int64(tag.count) > 4 {
			tag.at = t.base + int64(t.order.Uint32(entry[8:]))
		}
		tags[t.order.Uint16(entry)] = tag
	}
	return tags, int64(t.order.Uint32(data[12*n:])), nil
}

// numbers reads at most limit of a tag's whole numbers. It returns nil if the tag has none.
func (t *tiffFile) numbers(tag tiffTag, limit int) []int64 {
	n := min(int64(tag.count), int64(limit))
	var size int64
	switch tag.kind {
	case 1, 7:
		size = 1
	case 3:
		size = 2
	case 4, 13:
		size = 4
	default:
		return nil
	}
	if n <= 0 || tag.at < 0 || tag.at+n*size > t.size {
		return nil
	}
	data := make([]byte, n*size)
	if _, err := t.r.ReadAt(data, tag.at); err != nil {
		return nil
	}
	values := make([]int64, n)
	for i := range values {
		switch size {
		case 1:
			values[i] = int64(data[i])
		case 2:
			values[i] = int64(t.order.Uint16(data[2*i:]))
		case 4:
			values[i] = int64(t.order.Uint32(data[4*i:]))
		}
	}
	return values
}

// number returns a tag's first number, or otherwise the default.
func (t *tiffFile) number(d tiffDir, tag uint16, otherwise int64) int64 {
	if v := t.numbers(d[tag], 1); len(v) > 0 {
		return v[0]
	}
	return otherwise
}

// text reads a tag's text.
func (t *tiffFile) text(d tiffDir, tag uint16) string {
	entry := d[tag]
	if entry.kind != 2 || entry.count > 4096 || entry.at+int64(entry.count) > t.size {
		return ""
	}
	data := make([]byte, entry.count)
	if _, err := t.r.ReadAt(data, entry.at); err != nil {
		return ""
	}
	text, _, _ := strings.Cut(string(data), "\x00")
	return strings.TrimSpace(text)
}

// walk calls visit for a directory, those that follow it and their subdirectories. It visits each only once, so loops end.
func (t *tiffFile) walk(first int64, visit func(d tiffDir)) {
	seen := make(map[int64]bool)
	var from func(offset int64)
	from = func(offset int64) {
		for offset != 0 && !seen[offset] && len(seen) < maxTIFFDirs {
			seen[offset] = true
			d, next, err := t.dir(offset)
			if err != nil {
				return
			}
			visit(d)
			for _, sub := range t.numbers(d[tagSubIFDs], maxTIFFDirs) {
				from(sub)
			}
			offset = next
		}
	}
	from(first)
}
