package onnx

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// maxValue bounds what is read into memory at once: names, shapes and nodes. A whole graph's are far smaller; weights
// in a node (Constant) may be megabytes.
const maxValue = 64 << 20

// stream walks nested protobuf messages of any size, seeking over what is not needed.
type stream struct {
	r    io.ReadSeeker
	buf  *bufio.Reader
	pos  int64
	size int64
}

// newStream starts at the beginning of r.
func newStream(r io.ReadSeeker) (*stream, error) {
	size, err := r.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return &stream{r: r, buf: bufio.NewReaderSize(r, 16<<10), size: size}, nil
}

// span is the place of a message's field in the file: the whole field is from start to end, the value of a length-delimited
// one from body to end; n is the value of a varint.
type span struct {
	num              protowire.Number
	typ              protowire.Type
	start, body, end int64
	n                uint64
}

func (f span) length() int64 { return f.end - f.body }

// message calls field for each field of a message of length bytes. Whatever field does not read of a value is skipped.
func (s *stream) message(length int64, field func(f span) error) error {
	end := s.pos + length
	if length < 0 || end > s.size {
		return beyond()
	}
	for s.pos < end {
		f, err := s.next(end)
		if err != nil {
			return err
		}
		if err := field(f); err != nil {
			return err
		}
		if s.pos > f.end {
			return fmt.Errorf("%w: fields overlap", ErrFormat)
		}
		if err := s.skip(f.end - s.pos); err != nil {
			return err
		}
	}
	return nil
}

// next reads a field's tag and length; end is where its message ends.
func (s *stream) next(end int64) (span, error) {
	f := span{start: s.pos}
	tag, err := s.varint()
	if err != nil {
		return f, err
	}
	if f.num, f.typ = protowire.DecodeTag(tag); f.num < 1 {
		return f, fmt.Errorf("%w: field number %d", ErrFormat, f.num)
	}
	f.body, f.end = s.pos, s.pos
	switch f.typ {
	case protowire.VarintType:
		f.n, err = s.varint()
		f.end = s.pos
	case protowire.Fixed32Type:
		f.end += 4
	case protowire.Fixed64Type:
		f.end += 8
	case protowire.BytesType:
		var n uint64
		n, err = s.varint()
		if n > math.MaxInt64/2 {
			return f, beyond()
		}
		f.body = s.pos
		f.end = s.pos + int64(n)
	default:
		err = fmt.Errorf("%w: wire type %d", ErrFormat, f.typ)
	}
	if err == nil && f.end > end {
		err = beyond()
	}
	return f, err
}

func beyond() error { return fmt.Errorf("%w: a field reaches beyond the end (truncated?)", ErrFormat) }

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

// bytes reads a length-delimited field's value.
func (s *stream) bytes(f span) ([]byte, error) {
	if f.typ != protowire.BytesType {
		return nil, fmt.Errorf("%w: field %d has wire type %d", ErrFormat, f.num, f.typ)
	}
	if f.length() > maxValue {
		return nil, fmt.Errorf("%w: a value of %d bytes", ErrFormat, f.length())
	}
	data := make([]byte, f.length())
	if _, err := io.ReadFull(s.buf, data); err != nil {
		return nil, truncated(err)
	}
	s.pos += f.length()
	return data, nil
}

// enter walks a length-delimited field as a message.
func (s *stream) enter(f span, field func(f span) error) error {
	if f.typ != protowire.BytesType {
		return fmt.Errorf("%w: field %d has wire type %d", ErrFormat, f.num, f.typ)
	}
	return s.message(f.length(), field)
}

func (s *stream) skip(n int64) error {
	if s.pos+n > s.size {
		return beyond()
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
