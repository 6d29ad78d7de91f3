// Package atomicfile writes files atomically: readers see the old contents or the new ones. It must not know what is in them.
package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Options say how to write a file. The zero value is for files that only their owner may read, and that may be lost in a power failure.
type Options struct {
	// Durable writes the contents to the disk before the file gets its name.
	Durable bool
	// Mode has the permissions, before the umask; 0: 0600.
	Mode fs.FileMode
	// FollowLink replaces the target of a link at the path, not the link.
	FollowLink bool
	// Unfinished is the name of the file until it is committed, with a * for Name; empty: the constant Unfinished. Create removes the leftovers
	// of killed processes (Sweep), unless Swept says that the caller has done so: it reads the whole folder.
	Unfinished string
	Swept      bool
}

// Unfinished is the default of Options.Unfinished.
const Unfinished = ".new-*"

// File is an open file that has not got its name yet. Call Commit or Abort when it is written.
type File struct {
	*os.File

	path    string
	durable bool
	ended   bool
}

// maxTries limits how many temporary names are tried.
const maxTries = 100

// Create creates the unfinished file in the folder of path, which must exist.
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
	if !o.Swept {
		Sweep(filepath.Dir(path), o.Unfinished)
	}
	for try := 1; ; try++ {
		f, err := os.OpenFile(filepath.Join(filepath.Dir(path), Name(o.Unfinished)), os.O_RDWR|os.O_CREATE|os.O_EXCL, o.Mode)
		if errors.Is(err, fs.ErrExist) && try < maxTries {
			continue
		}
		if err != nil {
			return nil, err
		}
		return &File{File: f, path: path, durable: o.Durable}, nil
	}
}

// Commit closes the file and gives it its name. If it fails, it removes the file, and the existing file keeps the name.
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

// CommitNew is Commit for a name that must be free: the error is fs.ErrExist if it is not.
func (f *File) CommitNew() error {
	if f.ended {
		return os.ErrClosed
	}
	defer f.Abort()
	if f.durable {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	if err := f.Close(); err != nil {
		return err
	}
	err := os.Link(f.Name(), f.path)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err // Abort removes the first name
	}
	// The file system has no hard links.
	if _, err := os.Lstat(f.path); err == nil {
		return &fs.PathError{Op: "create", Path: f.path, Err: fs.ErrExist}
	}
	return os.Rename(f.Name(), f.path)
}

// Abort removes the file unless it was committed. Defer it.
func (f *File) Abort() {
	if !f.ended {
		f.ended = true
		f.Close()
		os.Remove(f.Name())
	}
}

// Write writes data to the file at path, and creates its folder if needed.
func Write(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return Replace(path, data, Options{})
}

// Replace writes data to the file at path, in an existing folder.
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

// Put renames a finished file to path, after it wrote its contents to the disk.
func Put(tmp, path string) error {
	if err := Sync(tmp); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

// Sync writes the contents of a file to the disk.
func Sync(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
