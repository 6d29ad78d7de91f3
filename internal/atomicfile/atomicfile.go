// Package atomicfile writes files whole or not at all: readers see the old contents or the new ones. It must not know what is in them.
package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// Options say how a file is written. The zero value: for its owner only, and for what can be made again, which a power cut may cost.
type Options struct {
	// Durable has the contents on the disk before the file gets its name.
	Durable bool
	// Mode are the permissions, of which the umask takes its part; 0: 0600.
	Mode fs.FileMode
	// FollowLink replaces the file that a link at the path leads to, and not the link.
	FollowLink bool
	// Unfinished names the file until it is committed, with a * for a number: what a process that was killed left is found by it.
	Unfinished string
}

// Unfinished is the name, until it is committed, of a file for which nobody chose one.
const Unfinished = ".new-*"

// File is a file on its way to its name. Its methods are those of the open file, and Commit or Abort.
type File struct {
	*os.File

	path    string
	durable bool
	ended   bool
}

// maxTries bounds the names that are tried for a file.
const maxTries = 100

// Create begins a file beside its place, in a folder that is there.
func Create(path string, o Options) (*File, error) {
	if o.Mode == 0 {
		o.Mode = 0o600
	}
	if target, err := filepath.EvalSymlinks(path); o.FollowLink && err == nil {
		path = target
	}
	if o.Unfinished == "" {
		o.Unfinished = Unfinished
	}
	for try := 1; ; try++ {
		name := strings.Replace(o.Unfinished, "*", fmt.Sprint(rand.Uint32()), 1) //nolint:gosec // a name that is free is all that is asked of it
		f, err := os.OpenFile(filepath.Join(filepath.Dir(path), name), os.O_RDWR|os.O_CREATE|os.O_EXCL, o.Mode)
		if errors.Is(err, fs.ErrExist) && try < maxTries {
			continue
		}
		if err != nil {
			return nil, err
		}
		return &File{File: f, path: path, durable: o.Durable}, nil
	}
}

// Commit closes the file and gives it its name. After an error nothing is left of it, and what had the name has it still.
func (f *File) Commit() error {
	if f.ended {
		return os.ErrClosed
	}
	var err error
	if f.durable {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), f.path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	f.ended = true
	return err
}

// Abort removes the file, unless it was committed: it is deferred.
func (f *File) Abort() {
	if !f.ended {
		f.ended = true
		f.Close()
		os.Remove(f.Name())
	}
}

// Write makes path hold data, and the folder above it.
func Write(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return Replace(path, data, Options{})
}

// Replace makes path hold data, in a folder that is there.
func Replace(path string, data []byte, o Options) error {
	f, err := Create(path, o)
	if err != nil {
		return err
	}
	defer f.Abort()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.Commit()
}

// Put gives a file that somebody else wrote its name, with its contents on the disk before.
func Put(tmp, path string) error {
	f, err := os.OpenFile(tmp, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}
