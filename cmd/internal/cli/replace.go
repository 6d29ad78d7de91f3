package cli

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/imgsearch/imgsearch/internal/words"
)

// MayReplace refuses to write a flag's result over anything but an older one: isOurs is shown how a file that is there begins. What is
// no regular file, a device, a FIFO, is never written to, and no folder is made for a typing error.
func MayReplace(flag, path, what string, isOurs func(head []byte) bool) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if folder, err := os.Stat(filepath.Dir(path)); err != nil || !folder.IsDir() {
			return Usage("make the folder, or give another", "%s: there is no folder %s", flag, words.Path(filepath.Dir(path)))
		}
		return nil
	}
	if err != nil {
		return Usage("give a file that can be written", "%s: %w", flag, err)
	}
	if !info.Mode().IsRegular() {
		return Usage("give a file", "%s: %s is no regular file", flag, words.Path(path))
	}
	f, err := os.Open(path)
	if err != nil {
		return Usage("give a file that can be written", "%s: %w", flag, err)
	}
	defer f.Close()
	const enough = 64
	head, err := io.ReadAll(io.LimitReader(f, enough))
	if err != nil {
		return Usage("give a file that can be written", "%s: %w", flag, err)
	}
	if len(head) > 0 && !isOurs(head) {
		return Usage("give another name, or move it away: only an older one is overwritten", "%s: %s is there, and is no %s", flag, words.Path(path), what)
	}
	return nil
}
