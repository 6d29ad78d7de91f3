package jpeg

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// Header is the content of a frame header.
type Header struct {
	// Width and Height are in pixels as stored.
	Width, Height int
	Progressive   bool

	arithmetic bool        // coded so, and not with Huffman tables
	comps      []component // id, h, v and tq only
	hmax, vmax int
}

// component is one component of the frame and its state.
type component struct {
	id   byte
	h, v int // sampling factors
	tq   int // quantisation table

	n                int // samples per side of a decoded block: 8, 4, 2 or 1
	blocksX, blocksY int // allocated: whole MCUs
	wantX, wantY     int // those that show the picture

	pix    []byte
	stride int
	coef   []int16 // of a frame that collects them: coefficients() per block, in natural order

	td, ta  int // Huffman tables of the scan
	dc      int32
	context int // of the arithmetic coding of dc
	done    int // blocks decoded, of wantX * wantY
	lastRow int // rows of blocks up to the last complete one
}

// coefficients returns the number of coefficients kept per block: only the first if the block becomes a single sample.
func (c *component) coefficients() int {
	if c.n == 1 {
		return 1
	}
	return 64
}

// ReadHeader reads r up to the frame header. Errors from r are returned unchanged; all others wrap ErrFormat
// or ErrUnsupported.
func ReadHeader(r io.Reader) (Header, error) {
	in := bufio.NewReaderSize(r, 64<<10)
	var head [2]byte
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return Header{}, truncated(err)
	}
	if head != [2]byte{0xff, soi} {
		return Header{}, fmt.Errorf("%w: no JPEG marker at the beginning", ErrFormat)
	}
	for {
		marker, err := nextMarker(in)
		if err != nil {
			return Header{}, err
		}
		switch {
		case marker == eoi:
			return Header{}, errNoFrame
		case alone(marker):
			continue
		}
		var size [2]byte
		if _, err := io.ReadFull(in, size[:]); err != nil {
			return Header{}, truncated(err)
		}
		n := (int(size[0])<<8 | int(size[1])) - 2
		if n < 0 {
			continue // no segment has such a length: the next marker may be right
		}
		if marker == sos {
			return Header{}, errNoFrame
		}
		if !isFrame(marker) {
			if _, err := in.Discard(n); err != nil {
				return Header{}, truncated(err)
			}
			continue
		}
		payload := make([]byte, n)
		if _, err := io.ReadFull(in, payload); err != nil {
			return Header{}, truncated(err)
		}
		return readFrame(marker, payload)
	}
}

var errNoFrame = fmt.Errorf("%w: no frame header", ErrFormat)

func truncated(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: truncated", ErrFormat)
	}
	return err
}

// nextMarker skips fill bytes and junk.
func nextMarker(in *bufio.Reader) (byte, error) {
	for {
		b, err := in.ReadByte()
		if err != nil {
			return 0, truncated(err)
		}
		for b == 0xff {
			if b, err = in.ReadByte(); err != nil {
				return 0, truncated(err)
			}
			if b != 0 && b != 0xff {
				return b, nil
			}
		}
	}
}

// alone reports whether a marker has no segment.
func alone(marker byte) bool {
	return marker == tem || marker == soi || marker >= rst0 && marker <= rst7
}

// isFrame reports whether a marker is a frame header (SOFn), and not another marker in that range.
func isFrame(marker byte) bool {
	return marker >= sof0 && marker <= 0xcf && marker != dht && marker != jpg && marker != dac
}

// maxBlocks bounds the number of blocks in an MCU (T.81, B.2.3).
const maxBlocks = 10

// readFrame reads SOFn's payload.
func readFrame(marker byte, s []byte) (Header, error) {
	arithmetic := marker == sof9 || marker == sof10
	if marker > sof2 && !arithmetic {
		return Header{}, fmt.Errorf("%w: %s", ErrUnsupported, process(marker))
	}
	if len(s) < 6 {
		return Header{}, fmt.Errorf("%w: frame header of only %d bytes", ErrFormat, len(s))
	}
	if s[0] != 8 {
		return Header{}, fmt.Errorf("%w: %d bits per sample", ErrUnsupported, s[0])
	}
	h := Header{Height: int(s[1])<<8 | int(s[2]), Width: int(s[3])<<8 | int(s[4]), Progressive: marker == sof2 || marker == sof10, arithmetic: arithmetic}
	n := int(s[5])
	if n != 1 && n != 3 && n != 4 {
		return Header{}, fmt.Errorf("%w: %d components", ErrUnsupported, n)
	}
	if h.Height == 0 && h.Width > 0 {
		return Header{}, fmt.Errorf("%w: the height is stored after the picture (DNL)", ErrUnsupported)
	}
	if h.Width == 0 || len(s) < 6+3*n {
		return Header{}, fmt.Errorf("%w: invalid frame header: %d x %d pixels in %d bytes", ErrFormat, h.Width, h.Height, len(s))
	}
	blocks := 0
	for i := range n {
		c := component{id: s[6+3*i], h: int(s[7+3*i] >> 4), v: int(s[7+3*i] & 15), tq: int(s[8+3*i])}
		if n == 1 {
			c.h, c.v = 1, 1 // a single component has no MCU (T.81, A.2.2)
		}
		if c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4 || c.tq > 3 {
			return Header{}, fmt.Errorf("%w: invalid sampling %d x %d or quantisation table %d", ErrFormat, c.h, c.v, c.tq)
		}
		h.hmax, h.vmax = max(h.hmax, c.h), max(h.vmax, c.v)
		blocks += c.h * c.v
		h.comps = append(h.comps, c)
	}
	if blocks > maxBlocks && n > 1 {
		return Header{}, fmt.Errorf("%w: %d blocks per MCU", ErrFormat, blocks)
	}
	return h, nil
}

// collects reports whether all coefficients are kept until all scans are read.
func (h Header) collects() bool { return h.Progressive || h.arithmetic }

// process returns the name of the coding process that a frame header announces.
func process(marker byte) string {
	if marker == 0xc3 || marker == 0xcb {
		return "lossless"
	}
	return "hierarchical"
}

// layout returns the components with their sizes at a scale. Components that are sampled more coarsely decode to more samples
// per side of a block, up to eight, instead of being scaled up later.
func (h Header) layout(scale int) []component {
	comps := append([]component(nil), h.comps...)
	for i := range comps {
		c := &comps[i]
		c.n = scale
		for f := 2; c.n < 8 && c.h*f <= h.hmax && c.v*f <= h.vmax; f *= 2 {
			c.n *= 2
		}
		c.blocksX = ceilDiv(h.Width, 8*h.hmax) * c.h
		c.blocksY = ceilDiv(h.Height, 8*h.vmax) * c.v
		c.wantX = ceilDiv(h.Width*c.h, 8*h.hmax)
		c.wantY = ceilDiv(h.Height*c.v, 8*h.vmax)
		c.stride = c.blocksX * c.n
	}
	return comps
}
