//go:build !unix

package fserr

import (
	"io/fs"
	"os"
)

// access returns an error if this process may not read a file's attributes.
func access(path string) error {
	_, err := os.Stat(path)
	return err
}

// Writable reports whether this process may write an existing file. On Windows, opening it does not affect locks of other handles.
func Writable(path string) bool {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return false
	}
	f.Close()
	return true
}

// owner returns "": on Windows, os.Stat does not read a file's owner.
func owner(fs.FileInfo) string { return "" }
