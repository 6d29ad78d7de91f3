package bmp

import (
	"bytes"
	"encoding/binary"

	"github.com/imgsearch/imgsearch/embed/decode/pixel"
)

// Decode decodes a whole file. If the data ends early, at least half of the rows must be there, and they must be the upper ones.
func Decode(data []byte) (*pixel.Picture, error) {
	h, err := ReadHeader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	p := &pixel.Picture{Width: h.Width, Height: h.Height, Pix: make([]byte, 3*h.Width*h.Height)}
	colors := h.readPalette(data)
	if h.compression == rle8 || h.compression == rle4 {
		if !h.decodeRuns(p, h.from(data), &colors) {
			return nil, errTruncated
		}
		return p, nil
	}
	size := h.rowBytes()
	pixels := h.from(data)
	unpadded := (int64(h.Width)*int64(h.bits) + 7) / 8
	rows := int(min((int64(len(pixels))+size-unpadded)/size, int64(h.Height))) // the last row may lack its padding
	if rows < h.Height && (!h.topDown || 2*rows < h.Height) {
		return nil, errTruncated
	}
	if h.masks[3] != 0 && !h.showsAlpha(pixels, rows) {
		h.masks[3] = 0
	}
	for y := range rows {
		h.row(line(p, h.at(y)), pixels[int64(y)*size:], &colors)
	}
	if rows < h.Height {
		p.Height, p.Damaged, p.Pix = rows, true, p.Pix[:3*rows*h.Width]
	}
	return p, nil
}

// from returns the data from the first pixel on.
func (h *Header) from(data []byte) []byte {
	at := h.pixels
	if least := h.palette; at < least { // some programs write 0
		at = least + h.colors*h.colorSize
	}
	return data[min(at, len(data)):]
}

// at returns the row of the picture that is stored as the y-th.
func (h *Header) at(y int) int {
	if h.topDown {
		return y
	}
	return h.Height - 1 - y
}

// line returns row y of the picture.
func line(p *pixel.Picture, y int) []byte { return p.Pix[3*y*p.Width : 3*(y+1)*p.Width] }

// readPalette returns the colours; those that the file does not have are black.
func (h *Header) readPalette(data []byte) (colors [256][3]byte) {
	if h.bits > 8 {
		return colors
	}
	for i := range h.colors {
		at := h.palette + i*h.colorSize
		if at+3 > len(data) || h.pixels > h.palette && at+3 > h.pixels {
			break
		}
		colors[i] = [3]byte{data[at+2], data[at+1], data[at]}
	}
	return colors
}

// row converts a stored row.
func (h *Header) row(dst, row []byte, colors *[256][3]byte) {
	switch h.bits {
	case 24:
		for x := range h.Width {
			s := row[3*x : 3*x+3 : 3*x+3]
			dst[3*x], dst[3*x+1], dst[3*x+2] = s[2], s[1], s[0]
		}
	case 32:
		if h.masks == [4]uint32{0xff0000, 0xff00, 0xff, 0} { // by far the most frequent
			for x := range h.Width {
				s := row[4*x : 4*x+4 : 4*x+4]
				dst[3*x], dst[3*x+1], dst[3*x+2] = s[2], s[1], s[0]
			}
			return
		}
		h.maskedRow(dst, row)
	case 16:
		h.maskedRow(dst, row)
	default:
		mask := byte(1<<h.bits - 1)
		for x := range h.Width {
			bit := x * h.bits
			copy(dst[3*x:3*x+3], colors[row[bit/8]>>(8-h.bits-bit%8)&mask][:])
		}
	}
}

// maskedRow converts pixels of 16 or 32 bits by the masks of their colours.
func (h *Header) maskedRow(dst, row []byte) {
	for x := range h.Width {
		v := h.stored(row, x)
		for c := range 3 {
			dst[3*x+c] = channel(v, h.masks[c])
		}
		if h.masks[3] != 0 {
			a := uint32(channel(v, h.masks[3]))
			for c := range 3 {
				dst[3*x+c] = pixel.OnWhite(dst[3*x+c], a)
			}
		}
	}
}

// stored returns a pixel of 16 or 32 bits.
func (h *Header) stored(row []byte, x int) uint32 {
	if h.bits == 16 {
		return uint32(binary.LittleEndian.Uint16(row[2*x:]))
	}
	return binary.LittleEndian.Uint32(row[4*x:])
}

// showsAlpha reports whether any pixel is not wholly transparent: many programs leave the alpha at 0 and mean no transparency.
func (h *Header) showsAlpha(pixels []byte, rows int) bool {
	size := h.rowBytes()
	for y := range rows {
		row := pixels[int64(y)*size:]
		for x := range h.Width {
			if h.stored(row, x)&h.masks[3] != 0 {
				return true
			}
		}
	}
	return false
}

// decodeRuns expands run-length encoding. Pixels that it skips have the first colour. It reports whether at least half of the rows are there.
func (h *Header) decodeRuns(p *pixel.Picture, data []byte, colors *[256][3]byte) bool {
	indexes := make([]byte, h.Width*h.Height)
	x, y := 0, 0
	set := func(i byte) {
		if x < h.Width && y < h.Height {
			indexes[h.at(y)*h.Width+x] = i
		}
		x++
	}
	// sample returns the i-th index of data: a byte each, or half of one.
	sample := func(data []byte, i int) byte {
		if h.compression == rle8 {
			return data[i]
		}
		return data[i/2] >> (4 * (1 - i%2)) & 15
	}
	done := false
	for !done && len(data) >= 2 && y < h.Height {
		count, value := int(data[0]), data[1]
		data = data[2:]
		switch {
		case count > 0:
			pair := []byte{value, value}
			for i := range count {
				set(sample(pair, i%2))
			}
		case value == 0: // the end of the row
			x, y = 0, y+1
		case value == 1: // the end of the picture
			done = true
		case value == 2: // a step to the right and up
			if len(data) < 2 {
				done = true
				break
			}
			x, y = x+int(data[0]), y+int(data[1])
			data = data[2:]
		default: // as many indexes, padded to an even number of bytes
			n := int(value)
			size := n
			if h.compression == rle4 {
				size = (n + 1) / 2
			}
			if len(data) < size {
				done = true
				break
			}
			for i := range n {
				set(sample(data, i))
			}
			data = data[min(size+size%2, len(data)):]
		}
	}
	p.Damaged = !done && y < h.Height-1
	for i, c := range indexes {
		*(*[3]byte)(p.Pix[3*i:]) = colors[c]
	}
	return done || 2*y >= h.Height
}
