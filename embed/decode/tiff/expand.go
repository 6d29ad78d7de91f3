package tiff

import (
	"bytes"
	"compress/zlib"
	"errors"
	"io"
	"math/bits"

	"golang.org/x/image/ccitt"
	"golang.org/x/image/tiff/lzw"
)

// Compressions.
const (
	none       = 1
	group3     = 3
	group4     = 4
	lzwCode    = 5
	deflate    = 8
	packBits   = 32773
	oldDeflate = 32946
)

// expand returns a reader of the uncompressed rows of a strip or tile of a number of rows.
func (l *Layout) expand(data []byte, rows int) (io.Reader, error) {
	var in io.Reader = bytes.NewReader(data)
	if l.fillOrder == 2 {
		in = reversed{in}
	}
	switch l.compression {
	case 0, none:
		return in, nil
	case packBits:
		return &packBitsReader{in: byteReader(in)}, nil
	case lzwCode:
		return lzw.NewReader(in, lzw.MSB, 8), nil
	case deflate, oldDeflate:
		return zlib.NewReader(in)
	case group3, group4:
		format := ccitt.Group4
		if l.compression == group3 {
			if format = ccitt.Group3; l.options&1 != 0 {
				return nil, unsupported("two-dimensional Group 3 compression")
			}
		}
		if l.bits != 1 || l.samples/l.planes() != 1 {
			return nil, errDamaged
		}
		// A run of white is a run of zeros, whatever the photometric interpretation makes of them.
		return ccitt.NewReader(in, ccitt.MSB, format, l.segW, rows, &ccitt.Options{Invert: true}), nil
	}
	return nil, unsupported("compression %d", l.compression)
}

// isSupported returns an error for a compression that expand does not know.
func (l *Layout) isSupported() error {
	_, err := l.expand([]byte{0x78, 0x9c, 0, 0}, 1)
	if e, ok := errors.AsType[*UnsupportedError](err); ok {
		return e
	}
	return nil
}

// reversed reverses the bits of each byte (FillOrder 2).
type reversed struct{ r io.Reader }

func (r reversed) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	for i := range p[:n] {
		p[i] = bits.Reverse8(p[i])
	}
	return n, err
}

func byteReader(r io.Reader) io.ByteReader {
	if b, ok := r.(io.ByteReader); ok {
		return b
	}
	return &oneByte{r: r}
}

// oneByte reads single bytes.
type oneByte struct {
	r   io.Reader
	buf [1]byte
}

func (o *oneByte) ReadByte() (byte, error) {
	_, err := io.ReadFull(o.r, o.buf[:])
	return o.buf[0], err
}

// packBitsReader expands PackBits (TIFF 6.0, section 9): a count, and as many bytes or one byte to repeat.
type packBitsReader struct {
	in     io.ByteReader
	left   int // bytes of the current run
	repeat bool
	value  byte
}

func (r *packBitsReader) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if r.left == 0 {
			if err := r.next(); err != nil {
				return n, err
			}
			continue
		}
		if !r.repeat {
			if r.value, err = r.in.ReadByte(); err != nil {
				return n, err
			}
		}
		p[n] = r.value
		n++
		r.left--
	}
	return n, nil
}

// next begins a run.
func (r *packBitsReader) next() error {
	count, err := r.in.ReadByte()
	if err != nil {
		return err
	}
	switch c := int(int8(count)); {
	case c >= 0:
		r.left, r.repeat = c+1, false
	case c > -128:
		r.left, r.repeat = 1-c, true
		r.value, err = r.in.ReadByte()
	}
	return err
}
