package fserr

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// DeniedError is a file that this process may not read.
type DeniedError struct {
	// Path is the file or, if Folder is set, a folder above it that may not be entered.
	Path   string
	Folder bool
	// Owner is the owner's name or number, "" if unknown. Mode has the permission bits.
	Owner string
	Mode  fs.FileMode
}

// Error names the owner and the mode: "permission denied: owned by anna, mode 0600".
func (e *DeniedError) Error() string {
	what := ""
	if e.Folder {
		what = fmt.Sprintf("%q is ", e.Path)
	}
	if e.Owner == "" {
		return "permission denied"
	}
	return fmt.Sprintf("permission denied: %sowned by %s, mode %04o", what, e.Owner, e.Mode.Perm())
}

// Unwrap is fs.ErrPermission.
func (e *DeniedError) Unwrap() error { return fs.ErrPermission }

// Denied returns a *DeniedError if this process may not read a file, and nil otherwise, also after other errors. It does not open the file:
// closing a database that is open elsewhere in the process would release its locks (sqlite.org/howtocorrupt.html, section 2.2).
func Denied(path string) error {
	if !errors.Is(access(path), fs.ErrPermission) {
		return nil
	}
	e := &DeniedError{Path: path}
	info, err := os.Stat(path)
	for err != nil { // a folder above may not be entered
		above := filepath.Dir(e.Path)
		if above == e.Path {
			return e
		}
		e.Path, e.Folder = above, true
		info, err = os.Stat(above)
	}
	e.Owner, e.Mode = owner(info), info.Mode()
	return e
}
