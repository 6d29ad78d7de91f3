// Package gif decodes the first frame of GIF pictures (GIF89a specification) as forgivingly as browsers do. It must not know metadata.
package gif

import (
	"bytes"
	"compress/lzw"
	"encoding/binary"
	"errors"
	"io"

	"github.com/imgsearch/imgsearch/embed/decode/pixel"
)

var (
	errTruncated = errors.New("truncated")
	errHeader    = errors.New("its header is wrong")
	errBlock     = errors.New("an unknown block")
)

// Header describes the first frame of a file.
type Header struct {
	// Width and Height are those of the screen; a first frame that is larger extends it.
	Width, Height int

	frame       rectangle
	interlaced  bool
	table       int64 // the offset of the colours
	colors      int   // 0: none
	transparent int   // an index; -1: none
	data        int64 // the offset of the compressed indexes
}

type rectangle struct{ x, y, w, h int }

// Blocks.
const (
	extension      = 0x21
	imageBlock     = 0x2c
	trailer        = 0x3b
	graphicControl = 0xf9
)

// maxBlocks bounds the blocks before the first frame.
const maxBlocks = 1 << 16

// ReadHeader reads a file up to the indexes of its first frame.
func ReadHeader(r io.ReaderAt) (h Header, err error) {
	f := &file{r: r}
	head := f.take(13)
	if head == nil {
		return h, errTruncated
	}
	if string(head[:4]) != "GIF8" {
		return h, errHeader
	}
	le := binary.LittleEndian
	h.Width, h.Height, h.transparent = int(le.Uint16(head[6:])), int(le.Uint16(head[8:])), -1
	h.readTable(f, head[10])
	for range maxBlocks {
		kind := f.take(1)
		if kind == nil {
			return h, errTruncated
		}
		switch kind[0] {
		case 0: // some programs write one end of blocks too many
		case extension:
			label := f.take(1)
			if label == nil {
				return h, errTruncated
			}
			first := f.skipBlocks()
			if label[0] == graphicControl && len(first) >= 4 && first[0]&1 == 1 {
				h.transparent = int(first[3])
			}
		case imageBlock:
			d := f.take(9)
			if d == nil {
				return h, errTruncated
			}
			h.frame = rectangle{int(le.Uint16(d)), int(le.Uint16(d[2:])), int(le.Uint16(d[4:])), int(le.Uint16(d[6:]))}
			h.interlaced = d[8]&0x40 != 0
			h.readTable(f, d[8])
			h.data = f.at
			h.Width, h.Height = max(h.Width, h.frame.x+h.frame.w), max(h.Height, h.frame.y+h.frame.h)
			if h.frame.w == 0 || h.frame.h == 0 {
				return h, errHeader
			}
			return h, nil
		case trailer:
			return h, errTruncated
		default:
			return h, errBlock
		}
	}
	return h, errBlock
}

// readTable notes where a colour table is, and skips it.
func (h *Header) readTable(f *file, flags byte) {
	if flags&0x80 != 0 {
		h.table, h.colors = f.at, 2<<(flags&7)
		f.at += int64(3 * h.colors)
	}
}

// file reads consecutive parts through a window, since they are small.
type file struct {
	r      io.ReaderAt
	at     int64
	window []byte
	start  int64 // of the window
}

// take returns the next n bytes, nil if there are fewer.
func (f *file) take(n int) []byte {
	const size = 16 << 10
	if f.at < f.start || f.at+int64(n) > f.start+int64(len(f.window)) {
		window := make([]byte, size)
		read, _ := f.r.ReadAt(window, f.at)
		f.window, f.start = window[:read], f.at
	}
	from := int(f.at - f.start)
	if from+n > len(f.window) {
		return nil
	}
	f.at += int64(n)
	return f.window[from : from+n]
}

// skipBlocks skips sub-blocks and returns the first one.
func (f *file) skipBlocks() (first []byte) {
	for n := range maxBlocks {
		size := f.take(1)
		if size == nil || size[0] == 0 {
			return first
		}
		if n == 0 {
			if first = f.take(int(size[0])); first == nil {
				return nil
			}
			continue
		}
		f.at += int64(size[0])
	}
	return nil
}

// Memory returns the peak memory of Decode in bytes, besides the file's.
func (h *Header) Memory() int64 {
	return 3*int64(h.Width)*int64(h.Height) + int64(h.frame.w)*int64(h.frame.h) + 1<<16
}

// Decode decodes the first frame of a whole file. If the data ends early, at least half of the frame must be there: what is missing is white,
// or repeats the rows above it if the frame is interlaced.
func Decode(data []byte) (*pixel.Picture, error) {
	h, err := ReadHeader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	indexes := make([]byte, h.frame.w*h.frame.h)
	n, err := h.expand(indexes, data)
	if n < len(indexes) && (2*n < len(indexes) || n == 0) {
		if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errTruncated
		}
		return nil, err
	}
	p := &pixel.Picture{Width: h.Width, Height: h.Height, Damaged: n < len(indexes), Pix: bytes.Repeat([]byte{255}, 3*h.Width*h.Height)}
	colors := h.readColors(data)
	for i, row := range h.rows() {
		have := indexes[i*h.frame.w : max(min(n, (i+1)*h.frame.w), i*h.frame.w)]
		for y := row.from; y < row.to; y++ { // an interlaced row stands for those below it until they come
			line := p.Pix[3*((h.frame.y+y)*h.Width+h.frame.x):]
			for x, c := range have {
				if int(c) != h.transparent {
					*(*[3]byte)(line[3*x:]) = colors[c]
				} else {
					*(*[3]byte)(line[3*x:]) = [3]byte{255, 255, 255}
				}
			}
			if len(have) == 0 {
				break
			}
		}
	}
	return p, nil
}

// expand writes the indexes and returns their number.
func (h *Header) expand(indexes, data []byte) (n int, err error) {
	in := &subBlocks{data: data[min(h.data, int64(len(data))):]}
	width, err := in.first()
	if err != nil {
		return 0, errTruncated
	}
	if width < 2 || width > 8 {
		return 0, errHeader
	}
	r := lzw.NewReader(in, lzw.LSB, width)
	defer r.Close()
	return io.ReadFull(r, indexes)
}

// span is the rows that a stored row fills.
type span struct{ from, to int }

// rows returns the rows of the frame in the order in which they are stored.
func (h *Header) rows() []span {
	list := make([]span, 0, h.frame.h)
	if !h.interlaced {
		for y := range h.frame.h {
			list = append(list, span{y, y + 1})
		}
		return list
	}
	for _, pass := range []struct{ first, step, fill int }{{0, 8, 8}, {4, 8, 4}, {2, 4, 2}, {1, 2, 1}} {
		for y := pass.first; y < h.frame.h; y += pass.step {
			list = append(list, span{y, min(y+pass.fill, h.frame.h)})
		}
	}
	return list
}

// readColors returns the colour table. Without one, indexes are levels of grey; those beyond it are black.
func (h *Header) readColors(data []byte) (colors [256][3]byte) {
	if h.colors == 0 {
		for i := range colors {
			colors[i] = [3]byte{byte(i), byte(i), byte(i)}
		}
		return colors
	}
	for i := range h.colors {
		if at := h.table + int64(3*i); at+3 <= int64(len(data)) {
			colors[i] = [3]byte(data[at:])
		}
	}
	return colors
}

// subBlocks reads the data of consecutive sub-blocks: each begins with its length, and one of length 0 ends them.
type subBlocks struct {
	data, current []byte
}

// first returns the byte before the sub-blocks.
func (b *subBlocks) first() (int, error) {
	if len(b.data) == 0 {
		return 0, io.EOF
	}
	c := b.data[0]
	b.data = b.data[1:]
	return int(c), nil
}

func (b *subBlocks) ReadByte() (byte, error) {
	if len(b.current) == 0 {
		if len(b.data) == 0 || b.data[0] == 0 {
			return 0, io.EOF
		}
		n := min(int(b.data[0]), len(b.data)-1)
		b.current, b.data = b.data[1:1+n], b.data[1+n:]
		if n == 0 {
			return 0, io.EOF
		}
	}
	c := b.current[0]
	b.current = b.current[1:]
	return c, nil
}

func (b *subBlocks) Read(p []byte) (int, error) {
	for i := range p {
		c, err := b.ReadByte()
		if err != nil {
			if i > 0 {
				err = nil
			}
			return i, err
		}
		p[i] = c
	}
	return len(p), nil
}
