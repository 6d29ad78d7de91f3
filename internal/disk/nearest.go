package disk

import (
	"os"
	"path/filepath"
)

// Nearest returns the folder itself, or the nearest one above it that exists.
func Nearest(dir string) string {
	for {
		if info, err := os.Stat(dir); err == nil && info.IsDir() || dir == filepath.Dir(dir) || dir == "" {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}
