package png

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"

	"github.com/imgsearch/imgsearch/embed/decode/pixel"
)

// decoder holds the buffers of one decoding.
type decoder struct {
	Header

	in          io.Reader
	palette     [256][3]byte
	alpha       [256]byte // of the palette
	transparent []byte    // the sample or samples that are transparent; nil: none
	gray        bool      // one byte per pixel
	row, before []byte    // with the byte of the filter
}

// Decode decodes a whole file. If the data ends early, at least half of the rows must be there.
func Decode(data []byte) (*pixel.Picture, error) {
	h, err := readHeader(data)
	if err != nil {
		return nil, err
	}
	d := decoder{Header: h}
	damaged, err := d.readChunks(data[len(Signature):])
	if err != nil {
		return nil, err
	}
	d.gray = h.color == gray && d.transparent == nil
	p := &pixel.Picture{Width: h.Width, Height: h.Height, Gray: d.gray, Damaged: damaged, Pix: make([]byte, h.Width*h.Height*d.perPixel())}
	rows, last, err := d.decode(p.Pix)
	if err == nil {
		return p, nil
	}
	if h.interlaced && last {
		d.repeatRows(p.Pix, rows)
		p.Damaged = true
		return p, nil
	}
	if h.interlaced || 2*rows < h.Height {
		return nil, ended(err)
	}
	p.Height, p.Damaged = rows, true
	p.Pix = p.Pix[:rows*h.Width*d.perPixel()]
	return p, nil
}

// ended returns errTruncated for the end of the data, and for data that is not deflate's.
func ended(err error) error {
	if _, ok := errors.AsType[flate.CorruptInputError](err); ok || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errTruncated
	}
	return err
}

func (d *decoder) perPixel() int {
	if d.gray {
		return 1
	}
	return 3
}

// readChunks reads the palette, and finds the pixels. Chunks that the colour type does not allow, and those whose length is wrong, are left out.
func (d *decoder) readChunks(data []byte) (damaged bool, err error) {
	var parts [][]byte
	hasPalette := false
	for i := range d.alpha {
		d.alpha[i] = 255
	}
	for {
		c, rest, ok := nextChunk(data)
		if !ok || c.kind == "IEND" {
			break
		}
		data = rest
		switch c.kind {
		case "PLTE":
			for i := range min(len(c.data)/3, len(d.palette)) {
				d.palette[i] = [3]byte(c.data[3*i:])
			}
			hasPalette = len(c.data) >= 3
		case "tRNS":
			d.readTransparency(c.data)
		case "IDAT":
			parts = append(parts, c.data)
			damaged = damaged || !c.whole
		}
	}
	if d.color == indexed && !hasPalette {
		return damaged, errPalette
	}
	if len(parts) == 0 {
		return damaged, errTruncated
	}
	var in io.Reader = &joined{parts: parts}
	if !d.apple {
		if _, err := io.CopyN(io.Discard, in, 2); err != nil { // zlib's header; its checksum at the end is not read
			return damaged, errTruncated
		}
	}
	d.in = flate.NewReader(in)
	return damaged, nil
}

func (d *decoder) readTransparency(data []byte) {
	size := 2 * channels[d.color]
	switch d.color {
	case indexed:
		copy(d.alpha[:], data)
	case gray, rgb:
		if len(data) >= size {
			d.transparent = data[:size]
		}
	}
}

// joined reads the data of consecutive chunks. flate reads it byte by byte.
type joined struct {
	current []byte
	parts   [][]byte
}

// more makes current the next data, and reports whether there is any.
func (j *joined) more() bool {
	for len(j.current) == 0 && len(j.parts) > 0 {
		j.current, j.parts = j.parts[0], j.parts[1:]
	}
	return len(j.current) > 0
}

func (j *joined) Read(p []byte) (int, error) {
	if !j.more() {
		return 0, io.EOF
	}
	n := copy(p, j.current)
	j.current = j.current[n:]
	return n, nil
}

func (j *joined) ReadByte() (byte, error) {
	if len(j.current) == 0 && !j.more() {
		return 0, io.EOF
	}
	c := j.current[0]
	j.current = j.current[1:]
	return c, nil
}

// pass is one of the seven parts of an interlaced picture (Adam7): every stepX-th pixel of every stepY-th row.
type pass struct{ x, y, stepX, stepY int }

var (
	whole = []pass{{0, 0, 1, 1}}
	adam7 = []pass{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}}
)

// repeatRows fills the rows of the last pass of an interlaced picture, every second one, from y on with those above them.
func (d *decoder) repeatRows(pix []byte, y int) {
	size := d.Width * d.perPixel()
	for ; y < d.Height; y += 2 {
		copy(pix[y*size:(y+1)*size], pix[(y-1)*size:])
	}
}

// decode fills pix, and returns the number of rows that were decoded before an error, and whether only the last pass is not complete.
func (d *decoder) decode(pix []byte) (rows int, last bool, err error) {
	passes := whole
	if d.interlaced {
		passes = adam7
	}
	for i, p := range passes {
		last = i == len(passes)-1
		w := (d.Width - p.x + p.stepX - 1) / p.stepX
		if w <= 0 || p.y >= d.Height {
			continue
		}
		n := 1 + d.rowBytes(w)
		d.row, d.before = make([]byte, n), make([]byte, n)
		var line []byte
		if d.interlaced {
			line = make([]byte, w*d.perPixel())
		}
		for y := p.y; y < d.Height; y += p.stepY {
			if _, err := io.ReadFull(d.in, d.row); err != nil {
				return y, last, err
			}
			if err := d.unfilter(); err != nil {
				return y, last, err
			}
			if !d.interlaced {
				d.convert(pix[y*w*d.perPixel():(y+1)*w*d.perPixel()], w)
			} else {
				d.convert(line, w)
				d.spread(pix[y*d.Width*d.perPixel():], line, p)
			}
			d.row, d.before = d.before, d.row
		}
	}
	return d.Height, last, nil
}

// spread writes the pixels of a pass to their places in a row.
func (d *decoder) spread(row, line []byte, p pass) {
	size := d.perPixel()
	for i, x := 0, p.x; x < d.Width; i, x = i+1, x+p.stepX {
		copy(row[x*size:(x+1)*size], line[i*size:])
	}
}

var errFilter = errors.New("a row has an unknown filter")

// unfilter undoes the filter of a row (PNG 3rd edition, section 9).
func (d *decoder) unfilter() error {
	row, before := d.row[1:], d.before[1:]
	n := max(channels[d.color]*d.depth/8, 1)
	switch d.row[0] {
	case 0:
	case 1:
		for i := n; i < len(row); i++ {
			row[i] += row[i-n]
		}
	case 2:
		for i, up := range before {
			row[i] += up
		}
	case 3:
		for i := range min(n, len(row)) {
			row[i] += before[i] / 2
		}
		for i := n; i < len(row); i++ {
			row[i] += byte((int(row[i-n]) + int(before[i])) / 2)
		}
	case 4:
		paeth(row, before, n)
	default:
		return errFilter
	}
	return nil
}

func paeth(row, before []byte, n int) {
	for i := range min(n, len(row)) {
		row[i] += before[i]
	}
	for i := n; i < len(row); i++ {
		a, b, c := int(row[i-n]), int(before[i]), int(before[i-n])
		pa, pb := b-c, a-c
		pc := abs(pa + pb)
		pa, pb = abs(pa), abs(pb)
		switch {
		case pa <= pb && pa <= pc:
			row[i] += byte(a)
		case pb <= pc:
			row[i] += byte(b)
		default:
			row[i] += byte(c)
		}
	}
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}

// isTransparent reports whether the samples of a pixel are those that tRNS names.
func (d *decoder) isTransparent(samples []byte) bool {
	if d.depth == 16 {
		return bytes.Equal(samples, d.transparent)
	}
	for i, s := range samples {
		if s != d.transparent[2*i+1] {
			return false
		}
	}
	return true
}
