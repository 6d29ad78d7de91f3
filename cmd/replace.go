package cmd

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// mayReplace refuses to write a flag's result over anything but an older one: isOurs is shown how a file that is there begins. What is
// no regular file, a device, a FIFO, is never written to, and no folder is made for a typing error.
func mayReplace(flag, path, what string, isOurs func(head []byte) bool) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if folder, err := os.Stat(filepath.Dir(path)); err != nil || !folder.IsDir() {
			return usageError("make the folder, or give another", "%s: there is no folder %s", flag, escapePath(filepath.Dir(path)))
		}
		return nil
	}
	if err != nil {
		return usageError("give a file that can be written", "%s: %w", flag, err)
	}
	if !info.Mode().IsRegular() {
		return usageError("give a file", "%s: %s is no regular file", flag, escapePath(path))
	}
	f, err := os.Open(path)
	if err != nil {
		return usageError("give a file that can be written", "%s: %w", flag, err)
	}
	defer f.Close()
	const enough = 64
	head, err := io.ReadAll(io.LimitReader(f, enough))
	if err != nil {
		return usageError("give a file that can be written", "%s: %w", flag, err)
	}
	if len(head) > 0 && !isOurs(head) {
		return usageError("give another name, or move it away: only an older one is overwritten", "%s: %s is there, and is no %s", flag, escapePath(path), what)
	}
	return nil
}
