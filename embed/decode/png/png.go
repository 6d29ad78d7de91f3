// Package png decodes PNG pictures (PNG 3rd edition) as forgivingly as browsers do: what does not affect the pixels is not checked, and of a
// truncated picture the rows before the end are kept. It must not know metadata.
package png

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// Signature begins every file.
const Signature = "\x89PNG\r\n\x1a\n"

var (
	errTruncated = errors.New("truncated")
	errHeader    = errors.New("its header is wrong")
	errPalette   = errors.New("it has no palette")
)

// Colour types.
const (
	gray      = 0
	rgb       = 2
	indexed   = 3
	grayAlpha = 4
	rgbAlpha  = 6
)

// channels is the number of samples of a pixel, by the colour type.
var channels = map[byte]int{gray: 1, rgb: 3, indexed: 1, grayAlpha: 2, rgbAlpha: 4}

// depths are the allowed bits of a sample, by the colour type.
var depths = map[byte][]int{gray: {1, 2, 4, 8, 16}, rgb: {8, 16}, indexed: {1, 2, 4, 8}, grayAlpha: {8, 16}, rgbAlpha: {8, 16}}

// Header is the header of a file.
type Header struct {
	// Width and Height are in pixels.
	Width, Height int

	depth      int
	color      byte
	interlaced bool
	apple      bool // Apple's variant: no zlib header, blue before red, colours multiplied by the alpha
}

// chunk is a part of a file.
type chunk struct {
	kind  string
	data  []byte
	whole bool // it does not end before its length, and its checksum is right
}

// nextChunk returns the chunk at the start of data, and what follows it. ok is false if there is none.
func nextChunk(data []byte) (c chunk, rest []byte, ok bool) {
	const head, sum = 8, 4
	if len(data) < head {
		return c, nil, false
	}
	n := int64(binary.BigEndian.Uint32(data))
	c.kind = string(data[4:head])
	end := head + n
	if end > int64(len(data)) {
		c.data = data[head:]
		return c, nil, true
	}
	c.data = data[head:end]
	if end+sum > int64(len(data)) {
		return c, nil, true
	}
	c.whole = crc32.ChecksumIEEE(data[4:end]) == binary.BigEndian.Uint32(data[end:])
	return c, data[end+sum:], true
}

// ReadHeader reads the header from the first bytes of a file.
func ReadHeader(r io.Reader) (Header, error) {
	const longest = 128 // the signature, Apple's chunk and the header
	head := make([]byte, longest)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return Header{}, err
	}
	return readHeader(head[:n])
}

func readHeader(data []byte) (h Header, err error) {
	if len(data) < len(Signature) || string(data[:len(Signature)]) != Signature {
		return h, errHeader
	}
	data = data[len(Signature):]
	for {
		c, rest, ok := nextChunk(data)
		if !ok {
			return h, errTruncated
		}
		if c.kind == "CgBI" {
			h.apple = true
			data = rest
			continue
		}
		const size = 13
		if c.kind != "IHDR" || len(c.data) < size {
			return h, errHeader
		}
		w, height := binary.BigEndian.Uint32(c.data), binary.BigEndian.Uint32(c.data[4:])
		h.depth, h.color, h.interlaced = int(c.data[8]), c.data[9], c.data[12] == 1
		const limit = 1 << 31
		if w == 0 || height == 0 || w >= limit || height >= limit || c.data[10] != 0 || c.data[11] != 0 || c.data[12] > 1 {
			return h, errHeader
		}
		for _, depth := range depths[h.color] {
			if depth == h.depth {
				h.Width, h.Height = int(w), int(height)
				return h, nil
			}
		}
		return h, fmt.Errorf("%w: colour type %d with %d bits", errHeader, h.color, h.depth)
	}
}

// rowBytes returns the number of bytes of a row of a width, without the byte of its filter.
func (h *Header) rowBytes(width int) int64 {
	return (int64(width)*int64(channels[h.color])*int64(h.depth) + 7) / 8
}

// Memory returns the peak memory of Decode in bytes, besides the file's.
func (h *Header) Memory() int64 {
	return int64(h.Width)*int64(h.Height)*3 + 3*h.rowBytes(h.Width) + 3*int64(h.Width) + 1<<20
}
