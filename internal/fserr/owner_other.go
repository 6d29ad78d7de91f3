//go:build !unix

package fserr

import (
	"io/fs"
	"os"
)

// access asks whether a file may be read, of its attributes: who may not read them gets an error.
func access(path string) error {
	_, err := os.Stat(path)
	return err
}

// Writable reports whether this process may write a file that is there. Windows keeps locks by handle: to open it takes none away.
func Writable(path string) bool {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return false
	}
	f.Close()
	return true
}

// owner is not known: Windows keeps it with the access list, which a plain stat does not read.
func owner(fs.FileInfo) string { return "" }
