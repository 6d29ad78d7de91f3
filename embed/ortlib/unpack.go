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
	"time"

	"github.com/imgsearch/imgsearch/internal/atomicfile"
)

// unpack returns the path of the bundled library in the first folder that has it or can hold it. The file is stored under
// its SHA-256 and renamed to its final name when it is complete, so that a file of that name can be loaded, and several
// processes may unpack at once.
func unpack(dirs []string) (string, error) {
	packed, manifest := bundle()
	var sum, name string
	var size int64
	if _, err := fmt.Sscan(manifest, &sum, &size, &name); err != nil {
		return "", fmt.Errorf("%w: read the bundled manifest: %w", ErrUnusable, err)
	}
	path := func(dir string) string { return filepath.Join(dir, "runtime", sum, name) }
	for _, dir := range dirs {
		if info, err := os.Stat(path(dir)); err == nil && info.Size() == size && !noExec(dir) {
			return path(dir), nil
		}
	}
	errs := make([]error, 0, len(dirs)+1)
	for _, dir := range dirs {
		err := unpackTo(path(dir), packed, sum)
		if err == nil && noExec(dir) {
			err = fmt.Errorf("%s is mounted noexec", dir)
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

const unpackPattern = ".unpack-*"

// removeStale removes what a process that was killed while unpacking left behind.
func removeStale(dir string) {
	left, _ := filepath.Glob(filepath.Join(dir, unpackPattern)) // the pattern is a constant
	for _, path := range left {
		if info, err := os.Stat(path); err == nil && time.Since(info.ModTime()) > time.Hour {
			os.Remove(path)
		}
	}
}

func unpackTo(path string, packed []byte, sum string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	removeStale(dir)
	// Durable: otherwise a power cut could leave a file of zeros under the final name.
	f, err := atomicfile.Create(path, atomicfile.Options{Durable: true, Mode: 0o700, Unfinished: unpackPattern})
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
