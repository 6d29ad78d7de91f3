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

// jpegTIFF is a TIFF picture whose strips or tiles are JPEG streams (TIFF Technical Note 2), or parts of one stream (the older way).
type jpegTIFF struct {
	width, height int
	// partW and partH are the size of a tile or strip; the last strip may be shorter.
	partW, partH     int
	offsets, lengths []int64
	tables           []byte // shared by all parts, stored as a JPEG stream; nil if there are none
	planes           int    // the number of times that the parts are stored: 1, or once for each component
	photometric      int64
	old              *oldJPEG // nil for the newer way
}

// jpegTIFFPerPixel is the peak memory of decoding, in bytes per pixel: the picture and one part's planes, or the picture's own planes.
const jpegTIFFPerPixel = 7

// maxParts bounds the number of parts: the largest picture in tiles of 64 x 64.
const maxParts = 1 << 20

// Photometric interpretations.
const (
	tiffWhiteIsZero = 0
	tiffRGB         = 2
	tiffCMYK        = 5
	tiffYCbCr       = 6
)

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
	j.width, j.height, j.planes = int(t.number(d, tagWidth, 0)), int(t.number(d, tagHeight, 0)), 1
	j.photometric = t.number(d, tagPhotometric, tiffYCbCr)
	offsets, lengths := uint16(tagStripOffsets), uint16(tagStripBytes)
	j.partW, j.partH = j.width, int(min(t.number(d, tagRowsPerStrip, int64(j.height)), int64(j.height)))
	if _, tiled := d[tagTileOffsets]; tiled {
		offsets, lengths = tagTileOffsets, tagTileBytes
		j.partW, j.partH = int(t.number(d, tagTileWidth, 0)), int(t.number(d, tagTileHeight, 0))
	}
	j.offsets, j.lengths = t.numbers(d[offsets], maxParts), t.numbers(d[lengths], maxParts)
	switch t.number(d, tagCompression, 1) {
	case 6:
		j.old = readOldJPEG(t, d)
		return j, len(j.offsets) > 0 || j.old.stream > 0 && j.old.stream < size
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
	if t.number(d, tagPlanar, 1) == 2 {
		j.planes = int(t.number(d, tagSamples, 1))
	}
	return j, j.planes >= 1 && j.planes <= 4
}

// decode decodes all parts of a whole file.
func (j jpegTIFF) decode(data []byte) (image.Image, error) {
	if j.width <= 0 || j.height <= 0 || j.partW <= 0 || j.partH <= 0 {
		return nil, errTIFF
	}
	if j.old != nil && !j.hasStreams(data) {
		return j.decodeOld(data)
	}
	across := (j.width + j.partW - 1) / j.partW
	down := (j.height + j.partH - 1) / j.partH
	if len(j.offsets) < across*down*j.planes || len(j.lengths) < across*down*j.planes {
		return nil, errors.New("truncated")
	}
	c := jpegCanvas{jpegTIFF: j, pix: make([]byte, 3*j.width*j.height)}
	if j.planes > 1 {
		c.pix = make([]byte, j.planes*j.width*j.height)
	}
	for i := range across * down * j.planes {
		at := i % (across * down)
		x, y, plane := at%across*j.partW, at/across*j.partH, i/(across*down)
		stream, err := cutPart(data, j.offsets[i], j.lengths[i])
		if err == nil {
			err = c.part(stream, x, y, plane)
		}
		switch {
		case errors.Is(err, ErrUnsupported):
			return nil, err
		case err != nil:
			c.lose(x, y, plane, err)
		}
	}
	return c.picture()
}

// cutPart cuts a part out of a file.
func cutPart(data []byte, offset, length int64) ([]byte, error) {
	if offset < 0 || length < 2 || offset > int64(len(data))-length {
		return nil, errors.New("truncated")
	}
	return data[offset : offset+length], nil
}

// jpegCanvas is a picture that parts are decoded into: rows of RGB, or of as many components as there are planes.
type jpegCanvas struct {
	jpegTIFF

	pix  []byte
	lost int   // pixels that could not be decoded, in all planes
	err  error // why the first of them could not
}

// lose makes a part that cannot be decoded grey.
func (c *jpegCanvas) lose(x, y, plane int, err error) {
	if c.err == nil {
		c.err = err
	}
	w, h := min(c.partW, c.width-x), min(c.partH, c.height-y)
	c.lost += w * h
	const grey = 128
	for row := y; row < y+h; row++ {
		if c.planes == 1 {
			for i := range c.pix[3*(row*c.width+x) : 3*(row*c.width+x+w)] {
				c.pix[3*(row*c.width+x)+i] = grey
			}
			continue
		}
		for i := x; i < x+w; i++ {
			c.pix[(row*c.width+i)*c.planes+plane] = grey
		}
	}
}

// adobeRGB is the marker that tells a JPEG decoder that the components are RGB.
var adobeRGB = []byte{0xff, markerAPP14, 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, 0}

// part decodes one part into its place.
func (c *jpegCanvas) part(data []byte, x, y, plane int) error {
	var stream bytes.Buffer
	stream.Write([]byte{0xff, markerSOI})
	if len(c.tables) > 4 {
		stream.Write(bytes.TrimSuffix(c.tables[2:], []byte{0xff, markerEOI}))
	}
	if c.photometric != tiffYCbCr {
		stream.Write(adobeRGB)
	}
	stream.Write(data[2:])
	p, err := jpeg.Decode(stream.Bytes(), 0)
	if err != nil {
		return tidyJPEG(err, "part")
	}
	if err := c.setSpace(p); err != nil {
		return err
	}
	w, h := min(p.Width, c.width-x, c.partW), min(p.Rows, c.height-y, c.partH)
	c.lost += min(c.partW, c.width-x)*min(c.partH, c.height-y) - w*h
	rgb := make([]byte, 3*p.Width)
	for row := range h {
		p.Row(row, rgb)
		if c.planes == 1 {
			copy(c.pix[3*((y+row)*c.width+x):], rgb[:3*w])
			continue
		}
		to := c.pix[((y+row)*c.width+x)*c.planes+plane:]
		for i := range w {
			to[i*c.planes] = rgb[3*i]
		}
	}
	return nil
}

// setSpace sets what a part's components mean in a TIFF.
func (c *jpegCanvas) setSpace(p *jpeg.Picture) error {
	four := p.Space == jpeg.CMYK || p.Space == jpeg.YCCK
	switch {
	case c.planes > 1 && p.Space != jpeg.Gray:
		return fmt.Errorf("%w: TIFF with planes of several components", ErrUnsupported)
	case four && c.photometric == tiffCMYK:
		p.Space = jpeg.Ink
	case four:
		return fmt.Errorf("%w: TIFF with JPEG data of four components", ErrUnsupported)
	}
	return nil
}

// picture returns the result.
func (c *jpegCanvas) picture() (*pixel.Picture, error) {
	m := &pixel.Picture{Width: c.width, Height: c.height, Pix: c.pix, Damaged: c.lost > 0}
	if c.lost > c.planes*c.width*c.height/2 {
		if c.err == nil {
			c.err = errors.New("truncated")
		}
		return nil, c.err
	}
	if c.planes > 1 {
		m.Pix = joinJPEGPlanes(c.pix, c.planes, c.photometric)
	}
	if c.photometric == tiffWhiteIsZero {
		for i, v := range m.Pix {
			m.Pix[i] = 255 - v
		}
	}
	return m, nil
}
