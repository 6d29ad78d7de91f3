package flat

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"

	"github.com/imgsearch/imgsearch/internal/atomicfile"
)

// Writer adds rows to a file. The rows take effect with Commit, which is durable; without it the file stays as it was. Only one
// goroutine may use a Writer, and no other process writes the file meanwhile: the index's lock ensures that.
type Writer struct {
	f    *os.File
	new  *atomicfile.File // f, if the file gets its name with Commit; nil: it already has one
	buf  *bufio.Writer
	dim  int
	rows int64
	sum  uint32 // CRC-32C of the rows
	row  []byte
}

// Append returns a Writer that continues the file with the stamp have. Errors of its content wrap ErrStale: rebuild it with Create.
func Append(path string, dim int, have Stamp) (*Writer, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStale, err)
	}
	h, err := readHeader(f)
	if err == nil && (h.dim != dim || h.stamp != have) {
		err = fmt.Errorf("%w: its stamp is %+v, the index expects %+v", ErrStale, h.stamp, have)
	}
	if err == nil && !h.summed {
		err = fmt.Errorf("%w: %w", ErrStale, ErrUnsummed)
	}
	if err == nil {
		_, err = f.Seek(headerSize+h.stamp.Rows*int64(rowSize(dim)), 0)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	w := newWriter(f, dim, h.stamp.Rows)
	w.sum = h.sum
	return w, nil
}

// Create returns a Writer of a new file, which replaces an existing one.
func Create(path string, dim int) (*Writer, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	f, err := atomicfile.Create(path, atomicfile.Options{Unfinished: ".vectors-*"})
	if err != nil {
		return nil, err
	}
	if _, err := f.Seek(headerSize, 0); err != nil {
		f.Abort()
		return nil, err
	}
	w := newWriter(f.File, dim, 0)
	w.new = f
	return w, nil
}

func newWriter(f *os.File, dim int, rows int64) *Writer {
	return &Writer{f: f, buf: bufio.NewWriterSize(f, 1<<20), dim: dim, rows: rows, row: make([]byte, idSize)}
}

// Add writes a row: dim half-precision numbers, little-endian, and the content's id.
func (w *Writer) Add(id int64, vector []byte) error {
	if len(vector) != 2*w.dim {
		return fmt.Errorf("a vector of %d bytes, want %d", len(vector), 2*w.dim)
	}
	binary.LittleEndian.PutUint64(w.row, uint64(id))
	w.sum = crc32.Update(crc32.Update(w.sum, castagnoli, vector), castagnoli, w.row)
	_, _ = w.buf.Write(vector) // bufio keeps the first error for the next call
	_, err := w.buf.Write(w.row)
	w.rows++
	return err
}

// Commit makes the rows take effect, with the number of the last vector and a new token, and closes the file.
func (w *Writer) Commit(token uint64, seq int64) (Stamp, error) {
	s := Stamp{Token: token, Seq: seq, Rows: w.rows}
	err := w.buf.Flush()
	if err == nil {
		err = w.f.Sync() // write the rows before the header that counts them
	}
	if err == nil {
		_, err = w.f.WriteAt(header{dim: w.dim, stamp: s, sum: w.sum}.bytes(), 0)
	}
	if err == nil {
		err = w.f.Sync()
	}
	switch {
	case w.new == nil:
		err = errors.Join(err, w.f.Close())
	case err == nil:
		err = w.new.Commit()
	default:
		w.new.Abort()
	}
	if err != nil {
		return s, fmt.Errorf("write vector file: %w", err)
	}
	return s, nil
}

// Abort leaves the file as it was.
func (w *Writer) Abort() {
	if w.new != nil {
		w.new.Abort()
		return
	}
	_ = w.f.Close()
}
