package jpeg

import (
	"bytes"
	"errors"
	"fmt"
)

// Markers (T.81, table B.1).
const (
	sof0  = 0xc0 // baseline
	sof1  = 0xc1 // extended
	sof2  = 0xc2 // progressive
	sof9  = 0xc9 // extended, arithmetic coding
	sof10 = 0xca // progressive, arithmetic coding
	dht   = 0xc4
	jpg   = 0xc8
	dac   = 0xcc
	rst0  = 0xd0
	rst7  = 0xd7
	soi   = 0xd8
	eoi   = 0xd9
	sos   = 0xda
	dqt   = 0xdb
	dri   = 0xdd
	app14 = 0xee
	tem   = 0x01
)

// decoder is the state of decoding one file.
type decoder struct {
	bits
	minShort int
	scale    int

	head    Header
	comps   []component
	quant   [4][64]int32 // in zigzag order
	dcTable [4]table
	acTable [4]table
	tables  bool // the file has Huffman tables
	// restart is the number of MCUs between restart markers; 0: none.
	restart int
	eobRun  int
	adobe   int // transform in Adobe's marker; -1: no marker
	jfif    bool
	damaged bool
	scans   int
	// arith and conditions are the state of arithmetic coding.
	arith      arithmetic
	conditions conditioning
}

// segments walks the file from marker to marker and decodes its scans. Damage after the frame header is recorded, and the walk continues.
func (d *decoder) segments() error {
	d.adobe, d.conditions = -1, defaultConditioning()
	if len(d.data) < 4 || d.data[0] != 0xff || d.data[1] != soi {
		return fmt.Errorf("%w: no JPEG marker at the beginning", ErrFormat)
	}
	d.pos = 2
	for {
		marker, payload, ok := d.segment()
		if !ok {
			return nil // picture checks whether something is missing from the scans
		}
		if marker == eoi {
			return nil
		}
		err := d.read(marker, payload)
		switch {
		case err == nil:
		case len(d.comps) > 0 && errors.Is(err, ErrFormat):
			d.damaged = true
		default:
			return err
		}
	}
}

// segment finds the next marker with its payload. Bytes between segments are skipped.
func (d *decoder) segment() (marker byte, payload []byte, ok bool) {
	for {
		i := bytes.IndexByte(d.data[d.pos:], 0xff)
		if i < 0 || d.pos+i+1 >= len(d.data) {
			return 0, nil, false
		}
		d.pos += i + 1
		marker = d.data[d.pos]
		switch {
		case marker == 0xff:
			continue
		case marker == eoi:
			return marker, nil, true
		case marker == 0 || alone(marker):
			d.pos++
			continue
		}
		d.pos++
		if d.pos+2 > len(d.data) {
			return 0, nil, false
		}
		size := int(d.data[d.pos])<<8 | int(d.data[d.pos+1])
		if size < 2 {
			continue // no segment has such a length: the next marker may be right
		}
		if d.pos+size > len(d.data) {
			d.damaged = true
			return 0, nil, false
		}
		payload = d.data[d.pos+2 : d.pos+size]
		d.pos += size
		return marker, payload, true
	}
}

func (d *decoder) read(marker byte, s []byte) error {
	switch {
	case marker == dht:
		return d.readTables(s)
	case isFrame(marker):
		return d.startFrame(marker, s)
	case marker == dac:
		d.readConditioning(s)
	case marker == dqt:
		return d.readQuantisation(s)
	case marker == dri:
		if len(s) < 2 {
			return fmt.Errorf("%w: invalid restart interval", ErrFormat)
		}
		d.restart = int(s[0])<<8 | int(s[1])
	case marker == sos:
		return d.readScan(s)
	case marker == 0xe0 && bytes.HasPrefix(s, []byte("JFIF")):
		d.jfif = true
	case marker == app14 && len(s) >= 12 && bytes.HasPrefix(s, []byte("Adobe")):
		d.adobe = int(s[11])
	}
	return nil
}

func (d *decoder) readQuantisation(s []byte) error {
	for len(s) > 0 {
		size, wide := 64, s[0]>>4 != 0
		if wide {
			size = 128
		}
		if len(s) < 1+size || s[0]&15 > 3 {
			return fmt.Errorf("%w: invalid quantisation table", ErrFormat)
		}
		q := &d.quant[s[0]&15]
		for i := range q {
			if wide {
				q[i] = int32(s[1+2*i])<<8 | int32(s[2+2*i])
			} else {
				q[i] = int32(s[1+i])
			}
		}
		s = s[1+size:]
	}
	return nil
}

func (d *decoder) startFrame(marker byte, s []byte) error {
	if len(d.comps) > 0 {
		return fmt.Errorf("%w: a second frame header", ErrFormat)
	}
	h, err := readFrame(marker, s)
	if err != nil {
		return err
	}
	d.head = h
	d.scale = scaleFor(h.Width, h.Height, d.minShort)
	comps := h.layout(d.scale)
	blocks := 0
	for _, c := range comps {
		blocks += c.wantX * c.wantY
	}
	// A block takes at least one bit in the scan of the first coefficients: memory is allocated only if the file can hold at least half the blocks.
	if blocks > 2*8*len(d.data) {
		return fmt.Errorf("%w: truncated: only %d bytes for %d x %d pixels", ErrFormat, len(d.data), h.Width, h.Height)
	}
	for i := range comps {
		c := &comps[i]
		c.pix = make([]byte, c.stride*c.blocksY*c.n)
		for j := range c.pix {
			c.pix[j] = 128
		}
		if h.collects() {
			c.coef = make([]int16, c.blocksX*c.blocksY*c.coefficients())
		}
	}
	d.comps = comps
	return nil
}

// space determines what the components mean, as libjpeg does: by Adobe's marker, JFIF and the components' names.
func (d *decoder) space() Space {
	switch len(d.comps) {
	case 1:
		return Gray
	case 4:
		if d.adobe > 0 {
			return YCCK
		}
		return CMYK
	}
	switch {
	case d.jfif:
		return YCbCr
	case d.adobe == 0:
		return RGB
	case d.adobe < 0 && d.comps[0].id == 'R' && d.comps[1].id == 'G' && d.comps[2].id == 'B':
		return RGB
	}
	return YCbCr
}
