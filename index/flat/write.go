package flat

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Writer adds rows to a file. The rows count with Commit, which is durable; without it the file is as it was. One
// goroutine uses it, and no other process writes the file meanwhile: the index's lock sees to that.
type Writer struct {
	f    *os.File
	buf  *bufio.Writer
	path string
	tmp  bool // a new file, which gets its name with Commit
	dim  int
	rows int64
	row  []byte
}

// Append continues the file that has the stamp. Errors of what it holds wrap ErrStale: make it anew with Create.
func Append(path string, dim int, have Stamp) (*Writer, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStale, err)
	}
	h, err := readHeader(f)
	if err == nil && (h.dim != dim || h.stamp != have) {
		err = fmt.Errorf("%w: it has %+v, the index wants %+v", ErrStale, h.stamp, have)
	}
	if err == nil {
		_, err = f.Seek(headerSize+h.stamp.Rows*int64(rowSize(dim)), 0)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return newWriter(f, path, dim, h.stamp.Rows, false), nil
}

// Create makes a new file, which takes the place of one that is there.
func Create(path string, dim int) (*Writer, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	const unfinished = ".vectors-*"
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(path), unfinished)); err == nil {
		for _, path := range left { // by processes that were killed: this one holds the index's lock
			_ = os.Remove(path)
		}
	}
	f, err := os.CreateTemp(filepath.Dir(path), unfinished)
	if err != nil {
		return nil, err
	}
	if _, err := f.Seek(headerSize, 0); err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	return newWriter(f, path, dim, 0, true), nil
}

func newWriter(f *os.File, path string, dim int, rows int64, tmp bool) *Writer {
	return &Writer{f: f, buf: bufio.NewWriterSize(f, 1<<20), path: path, tmp: tmp, dim: dim, rows: rows, row: make([]byte, idSize)}
}

// Add writes a row: dim half-precision numbers, little-endian, and the content's id.
func (w *Writer) Add(id int64, vector []byte) error {
	if len(vector) != 2*w.dim {
		return fmt.Errorf("a vector of %d bytes, want %d", len(vector), 2*w.dim)
	}
	binary.LittleEndian.PutUint64(w.row, uint64(id))
	_, _ = w.buf.Write(vector) // bufio keeps the first error for the next call
	_, err := w.buf.Write(w.row)
	w.rows++
	return err
}

// Commit makes the rows count, with the number of the last vector and a new token, and closes the file.
func (w *Writer) Commit(token uint64, seq int64) (Stamp, error) {
	s := Stamp{Token: token, Seq: seq, Rows: w.rows}
	err := w.buf.Flush()
	if err == nil {
		err = w.f.Sync() // the rows before the header that counts them
	}
	if err == nil {
		_, err = w.f.WriteAt(header{w.dim, s}.bytes(), 0)
	}
	if err == nil {
		err = w.f.Sync()
	}
	err = errors.Join(err, w.f.Close())
	if err == nil && w.tmp {
		err = os.Rename(w.f.Name(), w.path)
	}
	if err != nil {
		w.drop()
		return s, fmt.Errorf("write the vector file: %w", err)
	}
	return s, nil
}

// Abort leaves the file as it was.
func (w *Writer) Abort() {
	_ = w.f.Close()
	w.drop()
}

func (w *Writer) drop() {
	if w.tmp {
		_ = os.Remove(w.f.Name())
	}
}
