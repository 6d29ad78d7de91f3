// Package bmp decodes Windows and OS/2 bitmaps (Microsoft's BITMAPFILEHEADER and the information headers that follow it) of all common kinds.
// It must not know metadata.
package bmp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
)

var (
	errTruncated = errors.New("truncated")
	errHeader    = errors.New("its header is wrong")
)

// UnsupportedError is a kind of bitmap that is not decoded, such as one that holds a JPEG.
type UnsupportedError struct{ What string }

func (e *UnsupportedError) Error() string { return "BMP with " + e.What }

// Compressions.
const (
	plain      = 0
	rle8       = 1
	rle4       = 2
	bitFields  = 3
	alphaField = 6
)

const (
	fileHeader = 14
	coreHeader = 12 // OS/2's first one
	infoHeader = 40
	fullHeader = 52 // with masks of the colours
	longest    = 124
)

// Header is the header of a file.
type Header struct {
	// Width and Height are in pixels.
	Width, Height int

	topDown     bool
	bits        int
	compression uint32
	pixels      int // their offset in the file
	palette     int // the offset of the colours; each has colorSize bytes, blue first
	colors      int
	colorSize   int
	masks       [4]uint32 // of red, green, blue and alpha, for 16 and 32 bits
}

// IsHeader reports whether a file begins as a bitmap does, from its first 18 bytes.
func IsHeader(head []byte) bool {
	if len(head) < fileHeader+4 || head[0] != 'B' || head[1] != 'M' {
		return false
	}
	n := binary.LittleEndian.Uint32(head[fileHeader:])
	return n == coreHeader || n >= 16 && n <= longest && n%2 == 0
}

// ReadHeader reads the header from the first bytes of a file.
func ReadHeader(r io.Reader) (h Header, err error) {
	data := make([]byte, fileHeader+longest+16)
	n, err := io.ReadFull(r, data)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return h, err
	}
	if data = data[:n]; !IsHeader(data) {
		return h, errHeader
	}
	le := binary.LittleEndian
	h.pixels = int(le.Uint32(data[10:]))
	size := int(le.Uint32(data[fileHeader:]))
	info := data[fileHeader:]
	if len(info) < size {
		return h, errTruncated
	}
	h.palette, h.colorSize = fileHeader+size, 4
	var planes int
	if size == coreHeader {
		h.colorSize = 3
		h.Width, h.Height = int(le.Uint16(info[4:])), int(le.Uint16(info[6:]))
		planes, h.bits = int(le.Uint16(info[8:])), int(le.Uint16(info[10:]))
	} else {
		h.Width, h.Height = int(int32(le.Uint32(info[4:]))), int(int32(le.Uint32(info[8:]))) //nolint:gosec // signed numbers
		planes, h.bits = int(le.Uint16(info[12:])), int(le.Uint16(info[14:]))
	}
	if size >= infoHeader {
		h.compression, h.colors = le.Uint32(info[16:]), int(le.Uint32(info[32:]))
	}
	if h.Height < 0 {
		h.topDown, h.Height = true, -h.Height
	}
	const most = 1 << 30
	if h.Width <= 0 || h.Height <= 0 || h.Width > most || h.Height > most || planes > 1 {
		return h, fmt.Errorf("%w: %d x %d pixels", errHeader, h.Width, h.Height)
	}
	return h, h.readKind(info, size)
}

// readKind reads how pixels are stored.
func (h *Header) readKind(info []byte, size int) error {
	const secondOS2 = 64
	switch {
	case size == secondOS2 && h.compression == bitFields && h.bits == 1:
		return &UnsupportedError{"OS/2's Huffman coding"}
	case h.compression == plain || h.compression == bitFields || h.compression == alphaField:
		switch h.bits {
		case 1, 2, 4, 8, 16, 24, 32:
		default:
			return &UnsupportedError{fmt.Sprintf("%d bits per pixel", h.bits)}
		}
	case h.compression == rle8 && h.bits == 8, h.compression == rle4 && h.bits == 4:
	default:
		return &UnsupportedError{fmt.Sprintf("compression %d and %d bits per pixel", h.compression, h.bits)}
	}
	if h.bits <= 8 {
		if h.colors <= 0 || h.colors > 1<<h.bits {
			h.colors = 1 << h.bits
		}
		return nil
	}
	h.masks = [4]uint32{0xff0000, 0xff00, 0xff, 0}
	if h.bits == 16 {
		h.masks = [4]uint32{0x7c00, 0x3e0, 0x1f, 0}
	}
	if h.compression == plain {
		if h.bits == 32 && size > fullHeader { // the later headers know an alpha
			h.masks[3] = 0xff000000
		}
		return nil
	}
	// The masks are in the header, or behind one of 40 bytes.
	n := 3
	if size > fullHeader || h.compression == alphaField {
		n = 4
	}
	if len(info) < infoHeader+4*n {
		return errTruncated
	}
	for i := range n {
		h.masks[i] = binary.LittleEndian.Uint32(info[infoHeader+4*i:])
	}
	return nil
}

// rowBytes returns the number of bytes of a row: a multiple of four.
func (h *Header) rowBytes() int64 { return (int64(h.Width)*int64(h.bits) + 31) / 32 * 4 }

// Memory returns the peak memory of Decode in bytes, besides the file's.
func (h *Header) Memory() int64 {
	n := int64(h.Width) * int64(h.Height) * 3
	if h.compression == rle8 || h.compression == rle4 {
		n += int64(h.Width) * int64(h.Height)
	}
	return n + 1<<16
}

// channel extracts a colour by its mask, scaled to 8 bits; a missing one is 0.
func channel(v, mask uint32) byte {
	if mask == 0 {
		return 0
	}
	v = (v & mask) >> bits.TrailingZeros32(mask)
	top := mask >> bits.TrailingZeros32(mask)
	return byte((uint64(v)*255 + uint64(top)/2) / uint64(top))
}
