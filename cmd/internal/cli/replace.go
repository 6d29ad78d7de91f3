package cli

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/imgsearch/imgsearch/internal/words"
)

// MayReplace returns an error unless path is free or holds an older result of the flag: isOurs gets the start of an existing file.
// It rejects devices, FIFOs and other non-regular files, and a missing folder, which may be a typing error.
func MayReplace(flag, path, what string, isOurs func(head []byte) bool) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if folder, err := os.Stat(filepath.Dir(path)); err != nil || !folder.IsDir() {
			return Usage("create the folder, or choose another file", "%s: no such folder: %s", flag, words.Path(filepath.Dir(path)))
		}
		return nil
	}
	if err != nil {
		return Usage("choose a file that you can write to", "%s: %w", flag, err)
	}
	if !info.Mode().IsRegular() {
		return Usage("choose a regular file", "%s: %s is not a regular file", flag, words.Path(path))
	}
	f, err := os.Open(path)
	if err != nil {
		return Usage("choose a file that you can write to", "%s: %w", flag, err)
	}
	defer f.Close()
	const enough = 64
	head, err := io.ReadAll(io.LimitReader(f, enough))
	if err != nil {
		return Usage("choose a file that you can write to", "%s: %w", flag, err)
	}
	if len(head) > 0 && !isOurs(head) {
		return Usage("choose another name, or move the file away", "%s: %s exists and is not an %s", flag, words.Path(path), what)
	}
	return nil
}
