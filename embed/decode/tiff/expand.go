package tiff

import (
	"bytes"
	"compress/zlib"
	"errors"
	"io"
	"math/bits"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/image/tiff/lzw"
)

// Compressions.
const (
	none       = 1
	plainFax   = 2
	group3     = 3
	group4     = 4
	lzwCode    = 5
	deflate    = 8
	packBits   = 32773
	oldDeflate = 32946
	zstandard  = 50000
)

// maxWindow bounds what a strip of Zstandard may refer back to, in bytes.
const maxWindow = 64 << 20

// expand returns a reader of the uncompressed rows of a strip or tile.
func (l *Layout) expand(data []byte) (io.Reader, error) {
	if l.fillOrder == 2 {
		data = reverseBits(data)
	}
	in := bytes.NewReader(data)
	switch l.compression {
	case 0, none:
		return in, nil
	case packBits:
		return &packBitsReader{data: data}, nil
	case lzwCode:
		return lzw.NewReader(in, lzw.MSB, 8), nil
	case deflate, oldDeflate:
		return zlib.NewReader(in)
	case plainFax, group3, group4:
		if l.bits != 1 || l.samples/l.planes() != 1 {
			return nil, errDamaged
		}
		mode := map[int]faxMode{plainFax: faxPlain, group3: faxOne, group4: faxGroup4}[l.compression]
		const twoDimensional = 1 // in T4Options
		if l.compression == group3 && l.options&twoDimensional != 0 {
			mode = faxTwo
		}
		return newFaxReader(data, l.segW, mode), nil
	case zstandard:
		return zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
	}
	return nil, unsupported("compression %d", l.compression)
}

// isSupported returns an error for a compression that expand does not know.
func (l *Layout) isSupported() error {
	_, err := l.expand([]byte{0x78, 0x9c, 0, 0})
	if e, ok := errors.AsType[*UnsupportedError](err); ok {
		return e
	}
	return nil
}

// reverseBits reverses the bits of each byte (FillOrder 2).
func reverseBits(data []byte) []byte {
	out := make([]byte, len(data))
	for i, c := range data {
		out[i] = bits.Reverse8(c)
	}
	return out
}

// packBitsReader expands PackBits (TIFF 6.0, section 9): a count, and as many bytes or one byte to repeat.
type packBitsReader struct {
	data []byte
	// literal is what is left of a run of bytes; value is repeated times times.
	literal []byte
	value   byte
	times   int
}

func (r *packBitsReader) Read(p []byte) (n int, err error) {
	for n < len(p) {
		switch {
		case len(r.literal) > 0:
			k := copy(p[n:], r.literal)
			r.literal = r.literal[k:]
			n += k
		case r.times > 0:
			k := min(r.times, len(p)-n)
			for i := range k {
				p[n+i] = r.value
			}
			r.times -= k
			n += k
		default:
			if !r.next() {
				return n, io.EOF
			}
		}
	}
	return n, nil
}

// next begins a run; false: the data has ended.
func (r *packBitsReader) next() bool {
	if len(r.data) < 2 {
		return false
	}
	switch c := int(int8(r.data[0])); {
	case c >= 0:
		end := min(c+2, len(r.data))
		r.literal, r.data = r.data[1:end], r.data[end:]
	case c > -128:
		r.value, r.times, r.data = r.data[1], 1-c, r.data[2:]
	default:
		r.data = r.data[1:]
	}
	return true
}
