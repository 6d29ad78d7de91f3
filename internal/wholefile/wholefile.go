// Package wholefile writes small files whole or not at all: readers see the old contents or the new ones.
package wholefile

import (
	"os"
	"path/filepath"
)

// Write makes path hold data, for its owner only, and the folder above it. It does not survive a power cut: what is written
// so can be made again.
func Write(path string, data []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	if _, err := tmp.Write(data); err != nil {
		tmp.Close()
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
