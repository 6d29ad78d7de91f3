package onnx

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// maxValue bounds what is read into memory at once: names and shapes. A whole graph's are far smaller.
const maxValue = 1 << 20

// stream walks nested protobuf messages of any size, seeking over what nobody asks for.
type stream struct {
	r    io.ReadSeeker
	buf  *bufio.Reader
	pos  int64
	size int64
}

func newStream(r io.ReadSeeker, size int64) *stream {
	return &stream{r: r, buf: bufio.NewReaderSize(r, 4<<10), size: size}
}

// message calls field for each length-delimited field of a message of length bytes; field must consume its length
// with bytes, skip or message. Fields of other kinds are passed over.
func (s *stream) message(length int64, field func(num protowire.Number, length int64) error) error {
	end := s.pos + length
	if length < 0 || end > s.size {
		return fmt.Errorf("%w: a field reaches beyond the end (truncated?)", ErrFormat)
	}
	for s.pos < end {
		tag, err := s.varint()
		if err != nil {
			return err
		}
		num, typ := protowire.DecodeTag(tag)
		if num < 1 {
			return fmt.Errorf("%w: field number %d", ErrFormat, num)
		}
		switch typ {
		case protowire.VarintType:
			_, err = s.varint()
		case protowire.Fixed32Type:
			err = s.skip(4)
		case protowire.Fixed64Type:
			err = s.skip(8)
		case protowire.BytesType:
			var n uint64
			if n, err = s.varint(); err != nil {
				return err
			}
			if n > math.MaxInt64 || s.pos+int64(n) > end || s.pos+int64(n) < s.pos {
				return fmt.Errorf("%w: a field reaches beyond the end (truncated?)", ErrFormat)
			}
			err = field(num, int64(n))
		default:
			err = fmt.Errorf("%w: wire type %d", ErrFormat, typ)
		}
		if err != nil {
			return err
		}
	}
	if s.pos != end {
		return fmt.Errorf("%w: fields overlap", ErrFormat)
	}
	return nil
}

func (s *stream) varint() (uint64, error) {
	var v uint64
	for shift := 0; shift < 64; shift += 7 {
		b, err := s.buf.ReadByte()
		if err != nil {
			return 0, truncated(err)
		}
		s.pos++
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return v, nil
		}
	}
	return 0, fmt.Errorf("%w: overlong number", ErrFormat)
}

func (s *stream) bytes(n int64) ([]byte, error) {
	if n > maxValue {
		return nil, fmt.Errorf("%w: a name or shape of %d bytes", ErrFormat, n)
	}
	data := make([]byte, n)
	if _, err := io.ReadFull(s.buf, data); err != nil {
		return nil, truncated(err)
	}
	s.pos += n
	return data, nil
}

func (s *stream) skip(n int64) error {
	if n < 0 || s.pos+n > s.size {
		return fmt.Errorf("%w: a field reaches beyond the end (truncated?)", ErrFormat)
	}
	s.pos += n
	if n <= int64(s.buf.Buffered()) {
		_, err := s.buf.Discard(int(n))
		return err
	}
	if _, err := s.r.Seek(s.pos, io.SeekStart); err != nil {
		return err
	}
	s.buf.Reset(s.r)
	return nil
}

func truncated(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: truncated", ErrFormat)
	}
	return err
}
