// Package flat keeps the vectors of one model next to the index in one file of rows, which is mapped into memory and scanned
// by all cores. The file is a copy: the database is authoritative, and a file that is missing, torn or from another database is
// rebuilt. It must not know SQL, pictures or models.
package flat

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/edsrzf/mmap-go"
	"golang.org/x/sync/errgroup"
)

var (
	// ErrStale means that a file is missing, torn, or from another state of the database: ignore it and rebuild it.
	ErrStale = errors.New("the vector file does not match the index")
	// ErrDamaged means that a file's rows are not those that were written.
	ErrDamaged = errors.New("the vector file is damaged")
	// ErrUnsummed means that a file has no checksum, since an earlier version wrote it.
	ErrUnsummed = errors.New("the vector file has no checksum")
	// ErrFault means that a file's pages can no longer be read: its disk is gone.
	ErrFault = errors.New("the vector file can no longer be read")
)

// Stamp ties a file to a state of the database. Two stamps are equal only if the file holds what the database held.
type Stamp struct {
	// Token is a new random number after each change of the file.
	Token uint64
	// Seq is the number of the last vector in the file.
	Seq int64
	// Rows is the number of rows.
	Rows int64
}

// The file begins with a page that holds the header; rows of rowSize(dim) bytes follow: dim half-precision numbers and the
// content's id, all little-endian.
const (
	magic      = "imgsf16\x02"
	unsummed   = "imgsf16\x01" // the magic of files without the rows' checksum
	headerSize = 4096
	headerUsed = 8 + 4 + 4 + 3*8 + 4 + 4
	idSize     = 8
)

// castagnoli is the table of CRC-32C, which processors compute.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func rowSize(dim int) int { return 2*dim + idSize }

// header is the content of the first page.
type header struct {
	dim    int
	stamp  Stamp
	sum    uint32 // CRC-32C of all rows
	summed bool
}

func (h header) bytes() []byte {
	b := make([]byte, 0, headerUsed)
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint32(b, uint32(h.dim))
	b = binary.LittleEndian.AppendUint32(b, uint32(rowSize(h.dim)))
	b = binary.LittleEndian.AppendUint64(b, h.stamp.Token)
	b = binary.LittleEndian.AppendUint64(b, uint64(h.stamp.Seq))
	b = binary.LittleEndian.AppendUint64(b, uint64(h.stamp.Rows))
	b = binary.LittleEndian.AppendUint32(b, h.sum)
	return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

func readHeader(f *os.File) (header, error) {
	b := make([]byte, headerUsed)
	if _, err := f.ReadAt(b, 0); err != nil {
		return header{}, fmt.Errorf("%w: %w", ErrStale, err)
	}
	h := header{
		dim: int(binary.LittleEndian.Uint32(b[8:])),
		stamp: Stamp{
			Token: binary.LittleEndian.Uint64(b[16:]), Seq: int64(binary.LittleEndian.Uint64(b[24:])), Rows: int64(binary.LittleEndian.Uint64(b[32:])),
		},
	}
	used := headerUsed
	switch string(b[:8]) {
	case magic:
		h.sum, h.summed = binary.LittleEndian.Uint32(b[40:]), true
	case unsummed:
		used -= 4
	default:
		used = 4 // no file of ours
	}
	if used == 4 || crc32.ChecksumIEEE(b[:used-4]) != binary.LittleEndian.Uint32(b[used-4:]) || int(binary.LittleEndian.Uint32(b[12:])) != rowSize(h.dim) {
		return header{}, fmt.Errorf("%w: its header is invalid", ErrStale)
	}
	info, err := f.Stat()
	if err != nil {
		return header{}, err
	}
	if h.stamp.Rows < 0 || (info.Size()-headerSize)/int64(rowSize(h.dim)) < h.stamp.Rows {
		return header{}, fmt.Errorf("%w: %d bytes are too few for %d rows", ErrStale, info.Size(), h.stamp.Rows)
	}
	return h, nil
}

// Set is a list of rows. Its methods may be called from any goroutine.
type Set struct {
	rows   []byte
	n, dim int
}

// NewSet returns an empty set in memory.
func NewSet(dim int) *Set { return &Set{dim: dim} }

// Add adds a row: dim half-precision numbers, little-endian, and the content's id. No other call may run meanwhile.
func (m *Set) Add(id int64, vector []byte) error {
	if len(vector) != 2*m.dim {
		return fmt.Errorf("a vector of %d bytes, want %d", len(vector), 2*m.dim)
	}
	m.rows = binary.LittleEndian.AppendUint64(append(m.rows, vector...), uint64(id))
	m.n++
	return nil
}

// File is a set in a mapped file. Its methods may be called until Close.
type File struct {
	Set

	f      *os.File
	mapped mmap.MMap
	header header
}

// Open maps the file of vectors of dim numbers if it has the stamp want. Errors of its content wrap ErrStale.
func Open(path string, dim int, want Stamp) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			err = fmt.Errorf("%w: %w", ErrStale, err)
		}
		return nil, err
	}
	m, err := mapFile(f, dim, want)
	if err != nil {
		f.Close()
		return nil, err
	}
	return m, nil
}

func mapFile(f *os.File, dim int, want Stamp) (*File, error) {
	h, err := readHeader(f)
	if err != nil {
		return nil, err
	}
	if h.dim != dim || h.stamp != want {
		return nil, fmt.Errorf("%w: its stamp is %+v, the index expects %+v", ErrStale, h.stamp, want)
	}
	m := &File{f: f, header: h, Set: Set{n: int(h.stamp.Rows), dim: dim}}
	if m.n == 0 {
		return m, nil
	}
	if m.mapped, err = mmap.MapRegion(f, headerSize+m.n*rowSize(dim), mmap.RDONLY, 0, 0); err != nil {
		return nil, fmt.Errorf("map %s: %w", f.Name(), err)
	}
	m.rows = m.mapped[headerSize:]
	return m, nil
}

// ScanOneShot is like Scan, but releases pages as soon as they are scanned, so that the whole file does not count as memory of a process
// that scans once. The pages stay in the system's cache.
func (m *File) ScanOneShot(q, scores []float32, keep func(id int64) bool, skipped float32) error {
	return m.scan(q, scores, keep, skipped, func(from, to int) {
		forget(m.mapped[(headerSize+from)/pageSize*pageSize : (headerSize+to)/pageSize*pageSize])
	})
}

// Verify compares the rows with their checksum: the error is ErrDamaged if they differ, and ErrUnsummed without one. It reads the whole file:
// 10 ms for 100,000 rows of 512 numbers in the system's cache.
func (m *File) Verify() error {
	if !m.header.summed {
		return ErrUnsummed
	}
	var sum uint32
	if err := guarded(func() { sum = crc32.Checksum(m.rows, castagnoli) }); err != nil {
		return err
	}
	if sum != m.header.sum {
		return ErrDamaged
	}
	return nil
}

// pageSize is a multiple of the usual page sizes; on systems with larger pages, forgetting does less.
const pageSize = 64 << 10

// Close unmaps and closes the file.
func (m *File) Close() error {
	var err error
	if m.mapped != nil {
		err = m.mapped.Unmap()
	}
	return errors.Join(err, m.f.Close())
}

// Len returns the number of rows.
func (m *Set) Len() int { return m.n }

// Scan writes the inner product of q with each row to scores, of Len values. Rows whose id keep rejects get the value skipped
// instead, and are not computed; a nil keep accepts all. The work is split over all cores. If the disk disappears meanwhile, Scan returns
// ErrFault.
func (m *Set) Scan(q, scores []float32, keep func(id int64) bool, skipped float32) error {
	return m.scan(q, scores, keep, skipped, nil)
}

// scan calls passed, if it is not nil, with each range of bytes from..to of rows that was scanned.
func (m *Set) scan(q, scores []float32, keep func(id int64) bool, skipped float32, passed func(from, to int)) error {
	if len(q) != m.dim || len(scores) != m.n {
		return fmt.Errorf("scan: a query of %d and %d scores for %d rows of %d", len(q), len(scores), m.n, m.dim)
	}
	return m.split(func(from, to int) {
		size := rowSize(m.dim)
		for from < to {
			end := min(to, from+max(blockBytes/size, 1))
			m.scanBlock(q, scores, keep, skipped, from, end)
			if passed != nil {
				passed(from*size, end*size)
			}
			from = end
		}
	})
}

// blockBytes is how many bytes are scanned at a time.
const blockBytes = 4 << 20

func (m *Set) scanBlock(q, scores []float32, keep func(id int64) bool, skipped float32, from, to int) {
	size := rowSize(m.dim)
	if keep == nil {
		dots(scores[from:to], m.rows[from*size:to*size], q, size)
		return
	}
	for i := from; i < to; i++ {
		if row := m.rows[i*size : (i+1)*size]; keep(rowID(row)) {
			dots(scores[i:i+1], row, q, size)
		} else {
			scores[i] = skipped
		}
	}
}

// IDs calls each with the id of every row, in order.
func (m *Set) IDs(each func(row int, id int64)) error {
	return guarded(func() {
		size := rowSize(m.dim)
		for i := range m.n {
			each(i, rowID(m.rows[i*size:(i+1)*size]))
		}
	})
}

// Vectors calls each with the id and the vector of every row, in order: dim half-precision numbers, little-endian, valid
// during the call only.
func (m *Set) Vectors(each func(id int64, vector []byte)) error {
	return guarded(func() {
		size := rowSize(m.dim)
		for i := range m.n {
			row := m.rows[i*size : (i+1)*size]
			each(rowID(row), row[:2*m.dim])
		}
	})
}

// ID returns the content's id of a row.
func (m *Set) ID(row int) (id int64, err error) {
	err = guarded(func() {
		size := rowSize(m.dim)
		id = rowID(m.rows[row*size : (row+1)*size])
	})
	return id, err
}

// Vector returns the vector of a row: dim half-precision numbers, little-endian, not to be changed.
func (m *Set) Vector(row int) (vector []byte, err error) {
	err = guarded(func() {
		size := rowSize(m.dim)
		vector = append([]byte(nil), m.rows[row*size:row*size+2*m.dim]...)
	})
	return vector, err
}

func rowID(row []byte) int64 { return int64(binary.LittleEndian.Uint64(row[len(row)-idSize:])) }

// minPart is the least number of rows that are worth a goroutine: about 20 us of work at 512 dimensions.
const minPart = 256

func (m *Set) split(part func(from, to int)) error {
	workers := min(runtime.GOMAXPROCS(0), (m.n+minPart-1)/minPart)
	if workers <= 1 {
		return guarded(func() { part(0, m.n) })
	}
	var g errgroup.Group
	for w := range workers {
		g.Go(func() error {
			return guarded(func() { part(m.n*w/workers, m.n*(w+1)/workers) })
		})
	}
	return g.Wait()
}

// guarded turns a fault on an unreadable page into an error: otherwise the signal would end the process.
func guarded(work func()) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			fault, ok := p.(interface{ Addr() uintptr })
			if !ok {
				panic(p)
			}
			err = fmt.Errorf("%w: at %#x", ErrFault, fault.Addr())
		}
	}()
	work()
	return nil
}
