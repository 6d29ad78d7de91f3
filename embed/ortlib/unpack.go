package ortlib

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/imgsearch/imgsearch/internal/atomicfile"
	"github.com/imgsearch/imgsearch/internal/digest"
	"github.com/imgsearch/imgsearch/internal/disk"
	"github.com/imgsearch/imgsearch/internal/private"
)

// unpack returns the path of the bundled library in the first folder that has it or can hold it.
func unpack(dirs []string) (string, error) {
	packed, manifest := bundle()
	var sum, name string
	var size int64
	if _, err := fmt.Sscan(manifest, &sum, &size, &name); err != nil {
		return "", fmt.Errorf("%w: read the bundled manifest: %w", ErrUnusable, err)
	}
	return unpackFirst(dirs, packed, sum, name)
}

// unpackFirst is unpack for a given library. The file is stored under
// its SHA-256 and renamed to its final name when it is complete, so that several processes may unpack at once. A file that is there already
// is loaded only if nobody else could have put it there and if it has that digest: loading it executes it.
func unpackFirst(dirs []string, packed []byte, sum, name string) (string, error) {
	errs := make([]error, 0, len(dirs)+1)
	path := func(dir string) string { return filepath.Join(dir, "runtime", sum, name) }
	failed := make([]error, len(dirs))
	for i, dir := range dirs {
		if failed[i] = ready(dir, path(dir), sum, dirs); failed[i] == nil {
			return path(dir), nil
		}
	}
	for i, dir := range dirs {
		err := failed[i]
		if !errors.Is(err, errNotUsed) {
			if err = unpackTo(path(dir), packed, sum); err == nil {
				err = ready(dir, path(dir), sum, dirs)
			}
		}
		if err == nil {
			return path(dir), nil
		}
		errs = append(errs, err)
	}
	if len(dirs) == 0 {
		errs = append(errs, errors.New("no folder to unpack it to (HOME is not set)"))
	}
	return "", fmt.Errorf("%w: %w", ErrNoPlace, errors.Join(errs...))
}

// errNotUsed means that no library in a folder can be loaded: other users can put files there, or its disk allows no executable files.
var errNotUsed = errors.New("the folder is not used")

// ready returns nil if the unpacked library at path, below dir, can be loaded. The error wraps errNotUsed if none may be unpacked there.
// notes are folders for the note that it was verified.
func ready(dir, path, sum string, notes []string) error {
	if noExec(disk.Nearest(dir)) {
		return fmt.Errorf("%w: %s is mounted noexec", errNotUsed, dir)
	}
	parent := filepath.Dir(path)
	for _, at := range []string{dir, filepath.Dir(parent), parent, path} {
		switch err := private.Check(at); {
		case errors.Is(err, private.ErrForeign), errors.Is(err, private.ErrShared):
			return fmt.Errorf("%w: %w", errNotUsed, err)
		case err != nil:
			return err
		}
	}
	if !private.Checked {
		return digest.Verify(path, sum)
	}
	return digest.VerifyOnce(path, sum, notes)
}

func unpackTo(path string, packed []byte, sum string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	// Durable: otherwise a power cut could leave a file of zeros under the final name.
	f, err := atomicfile.Create(path, atomicfile.Options{Durable: true, Mode: 0o700, Unfinished: ".unpack-*"})
	if err != nil {
		return err
	}
	defer f.Abort()
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return err
	}
	h := sha256.New()
	if _, err := io.Copy(io.MultiWriter(f, h), z); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != sum {
		return fmt.Errorf("the bundled library is damaged: SHA-256 %s, want %s", got, sum)
	}
	return f.Commit()
}
