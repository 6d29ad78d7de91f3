// Package regular opens files that somebody else may have put there: never a FIFO or a device, which would block or never end, only
// through links where the caller allows it, and only up to a size that the caller states. It must not know what is in them.
package regular

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/dustin/go-humanize"
)

var (
	// ErrLink means that a link is in the place of a file.
	ErrLink = errors.New("the file is a symbolic link")
	// ErrNotRegular means that a folder, FIFO, socket or device is in the place of a file.
	ErrNotRegular = errors.New("not a regular file")
	// ErrTooLarge means that a file exceeds the limit.
	ErrTooLarge = errors.New("the file is too large")
)

// Links says whether links are followed.
type Links bool

// The values of Links.
const (
	NoLinks     Links = false // a link is ErrLink
	FollowLinks Links = true
)

// Open opens a regular file for reading.
func Open(path string, links Links) (*os.File, error) { return OpenFile(path, os.O_RDONLY, 0, links) }

// OpenFile opens a regular file as os.OpenFile does.
func OpenFile(path string, flag int, mode fs.FileMode, links Links) (*os.File, error) {
	extra := nonBlock
	if !links {
		extra |= noFollow
		if info, err := os.Lstat(path); err == nil && info.Mode().Type() == fs.ModeSymlink { // where the system has no such flag
			return nil, &fs.PathError{Op: "open", Path: path, Err: ErrLink}
		}
	}
	f, err := os.OpenFile(path, flag|extra, mode)
	if errors.Is(err, syscall.ELOOP) && !bool(links) {
		return nil, &fs.PathError{Op: "open", Path: path, Err: ErrLink}
	}
	if errors.Is(err, syscall.ENXIO) { // a FIFO without a reader, or a socket
		return nil, &fs.PathError{Op: "open", Path: path, Err: ErrNotRegular}
	}
	if err != nil {
		return nil, err
	}
	return only(f)
}

// OpenIn opens a regular file below a folder for reading. Links are followed only as far as they stay below it.
func OpenIn(dir *os.Root, name string) (*os.File, error) {
	f, err := dir.OpenFile(name, os.O_RDONLY|nonBlock, 0)
	if err != nil {
		return nil, err
	}
	return only(f)
}

// only returns the file if it is a regular one, else it closes it.
func only(f *os.File) (*os.File, error) {
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: f.Name(), Err: ErrNotRegular}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Read returns the contents of a regular file of at most limit bytes.
func Read(path string, links Links, limit int64) ([]byte, error) {
	f, err := Open(path, links)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("%w (over %s)", ErrTooLarge, humanize.IBytes(uint64(limit)))} //nolint:gosec // a size
	}
	return data, nil
}
