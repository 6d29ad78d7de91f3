package decode

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"io"

	"github.com/imgsearch/imgsearch/embed/decode/jpeg"
	"github.com/imgsearch/imgsearch/embed/decode/pixel"
)

// jpegTIFF is a TIFF picture whose strips or tiles are JPEG streams (TIFF Technical Note 2), or one JPEG stream (the older way).
type jpegTIFF struct {
	width, height int
	// partW and partH are the size of a tile or strip; the last strip may be shorter.
	partW, partH     int
	offsets, lengths []int64
	tables           []byte // shared by all parts, stored as a JPEG stream; nil if there are none
	rgb              bool   // the components are not YCbCr
}

// jpegTIFFPerPixel is the peak memory of decoding, in bytes per pixel: the picture and one part's planes.
const jpegTIFFPerPixel = 6

// maxParts bounds the number of parts: the largest picture in tiles of 64 x 64.
const maxParts = 1 << 20

// readJPEGTIFF reads the first directory; ok is false if its picture is not compressed as JPEG.
func readJPEGTIFF(r io.ReaderAt, size int64) (j jpegTIFF, ok bool) {
	t, first, err := openTIFF(r, 0, size)
	if err != nil {
		return j, false
	}
	d, _, err := t.dir(first)
	if err != nil {
		return j, false
	}
	j.width, j.height = int(t.number(d, tagWidth, 0)), int(t.number(d, tagHeight, 0))
	j.rgb = t.number(d, tagPhotometric, 6) != 6
	switch t.number(d, tagCompression, 1) {
	case 6:
		offset := t.number(d, tagJPEGOffset, 0)
		j.partW, j.partH = j.width, j.height
		j.offsets, j.lengths = []int64{offset}, []int64{size - offset}
		return j, offset > 0 && offset < size
	case 7:
	default:
		return j, false
	}
	if tables, has := d[tagJPEGTables]; has && int64(tables.count) <= size {
		j.tables = make([]byte, min(tables.count, 1<<16))
		if _, err := r.ReadAt(j.tables, tables.at); err != nil {
			return j, false
		}
	}
	offsets, lengths := uint16(tagStripOffsets), uint16(tagStripBytes)
	j.partW, j.partH = j.width, int(t.number(d, tagRowsPerStrip, int64(j.height)))
	if _, tiled := d[tagTileOffsets]; tiled {
		offsets, lengths = tagTileOffsets, tagTileBytes
		j.partW, j.partH = int(t.number(d, tagTileWidth, 0)), int(t.number(d, tagTileHeight, 0))
	}
	j.offsets, j.lengths = t.numbers(d[offsets], maxParts), t.numbers(d[lengths], maxParts)
	// Files that store each component in separate parts are not supported.
	return j, t.number(d, tagPlanar, 1) == 1
}

// decode decodes all parts of a whole file.
func (j jpegTIFF) decode(data []byte) (image.Image, error) {
	if j.width <= 0 || j.height <= 0 || j.partW <= 0 || j.partH <= 0 {
		return nil, errTIFF
	}
	j.partH = min(j.partH, j.height)
	across := (j.width + j.partW - 1) / j.partW
	down := (j.height + j.partH - 1) / j.partH
	if len(j.offsets) < across*down || len(j.lengths) < across*down {
		return nil, errors.New("truncated")
	}
	m := &pixel.Picture{Width: j.width, Height: j.height, Pix: make([]byte, 3*j.width*j.height)}
	for i := range across * down {
		offset, length := j.offsets[i], j.lengths[i]
		if offset < 0 || length < 2 || offset > int64(len(data))-length {
			return nil, errors.New("truncated")
		}
		if err := j.part(m, data[offset:offset+length], i%across*j.partW, i/across*j.partH); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// adobeRGB is the marker that tells a JPEG decoder that the components are RGB.
var adobeRGB = []byte{0xff, markerAPP14, 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, 0}

// part decodes one part into its place.
func (j jpegTIFF) part(m *pixel.Picture, data []byte, x, y int) error {
	var stream bytes.Buffer
	stream.Write([]byte{0xff, markerSOI})
	if len(j.tables) > 4 {
		stream.Write(bytes.TrimSuffix(j.tables[2:], []byte{0xff, markerEOI}))
	}
	if j.rgb {
		stream.Write(adobeRGB)
	}
	stream.Write(data[2:])
	p, err := jpeg.Decode(stream.Bytes(), 0)
	if err != nil {
		return tidyJPEG(err, "part")
	}
	if p.Space == jpeg.CMYK || p.Space == jpeg.YCCK {
		return fmt.Errorf("%w: TIFF with CMYK JPEG data", ErrUnsupported)
	}
	w, h := min(p.Width, m.Width-x), min(p.Rows, m.Height-y)
	rgb := make([]byte, 3*p.Width)
	for row := range h {
		p.Row(row, rgb)
		copy(m.Pix[3*((y+row)*m.Width+x):], rgb[:3*w])
	}
	return nil
}
