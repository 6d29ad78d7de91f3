//go:build unix

package regular_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/imgsearch/imgsearch/internal/regular"
)

// TestNeverBlocks opens what would block or never end.
func TestNeverBlocks(t *testing.T) {
	dir := t.TempDir()
	fifo, zero := filepath.Join(dir, "fifo"), filepath.Join(dir, "zero")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Skip(err)
	}
	if err := os.Symlink("/dev/zero", zero); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{fifo, zero} {
		for _, flag := range []int{os.O_RDONLY, os.O_RDWR, os.O_WRONLY} {
			if f, err := regular.OpenFile(path, flag, 0, regular.FollowLinks); !errors.Is(err, regular.ErrNotRegular) {
				t.Errorf("%s, flag %d: %v, %v", path, flag, f, err)
			}
		}
		if _, err := regular.Read(path, regular.FollowLinks, 10); !errors.Is(err, regular.ErrNotRegular) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
