package decode

import (
	"encoding/binary"
	"errors"
	"io"
)

// box is one box of an ISO base media file (ISO/IEC 14496-12, 4.2).
type box struct {
	kind string
	// start and end bound the payload, which follows the header.
	start, end int64
}

// maxBoxes bounds the number of consecutive boxes: a file with millions of empty ones is not a photo.
const maxBoxes = 1 << 16

var errBoxes = errors.New("too many boxes")

// readBoxes calls visit for each box from start to end, in order, until visit returns false. A box that claims to be longer
// than its container ends the reading, because the next box cannot be located.
func readBoxes(r io.ReaderAt, start, end int64, visit func(b box) (bool, error)) error {
	var head [16]byte
	n := 0
	for at := start; at+8 <= end; n++ {
		if n == maxBoxes {
			return errBoxes
		}
		if _, err := r.ReadAt(head[:8], at); err != nil {
			return eof(err)
		}
		size, header := int64(binary.BigEndian.Uint32(head[:])), int64(8)
		switch size {
		case 0: // up to the end
			size = end - at
		case 1:
			if _, err := r.ReadAt(head[8:], at+8); err != nil {
				return eof(err)
			}
			header, size = 16, int64(binary.BigEndian.Uint64(head[8:]))
		}
		if size < header || size > end-at {
			return nil
		}
		more, err := visit(box{kind: string(head[4:8]), start: at + header, end: at + size})
		if err != nil || !more {
			return err
		}
		at += size
	}
	return nil
}

// findBox returns the first box of the given kind from start to end. If there is none, the returned kind is "".
func findBox(r io.ReaderAt, start, end int64, kind string) (found box, err error) {
	err = readBoxes(r, start, end, func(b box) (bool, error) {
		if b.kind == kind {
			found = b
		}
		return b.kind != kind, nil
	})
	return found, err
}

// maxBoxRead bounds the size of a box that is read whole: the meta box of a photo has a few kilobytes, that of a grid with many tiles a few more.
const maxBoxRead = 8 << 20

// readBox reads a box's payload.
func readBox(r io.ReaderAt, b box) ([]byte, error) {
	if b.end-b.start > maxBoxRead {
		return nil, errors.New("larger than 8 MiB")
	}
	data := make([]byte, b.end-b.start)
	_, err := r.ReadAt(data, b.start)
	return data, eof(err)
}

// eof turns io.EOF into io.ErrUnexpectedEOF: the data ended before everything was read.
func eof(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// fields reads consecutive numbers from a box. Reading past the end returns zeros and sets short.
type fields struct {
	data  []byte
	short bool
}

func (f *fields) uint(size int) uint64 {
	if len(f.data) < size {
		f.data, f.short = nil, true
		return 0
	}
	var v uint64
	for _, b := range f.data[:size] {
		v = v<<8 | uint64(b)
	}
	f.data = f.data[size:]
	return v
}

func (f *fields) skip(n int) { _ = f.take(n) }

func (f *fields) take(n int) []byte {
	if n < 0 || len(f.data) < n {
		f.data, f.short = nil, true
		return nil
	}
	part := f.data[:n]
	f.data = f.data[n:]
	return part
}

// version reads the version and flags at the start of a full box.
func (f *fields) version() (version uint8, flags uint32) {
	v := f.uint(4)
	return uint8(v >> 24), uint32(v & 0xffffff)
}
