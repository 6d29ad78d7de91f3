//go:build unix

package private_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/imgsearch/imgsearch/internal/private"
)

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		mode fs.FileMode
		want error
	}{{0o700, nil}, {0o755, nil}, {0o777, private.ErrShared}, {0o702, private.ErrShared}, {0o777 | fs.ModeSticky, private.ErrShared}} {
		if err := os.Chmod(dir, c.mode); err != nil {
			t.Fatal(err)
		}
		if err := private.Check(dir); !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%v: %v, want %v", c.mode, err, c.want)
		}
	}
	if err := private.Check(filepath.Join(dir, "nosuch")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	if err := private.Check("/"); err != nil { // the administrator's
		t.Error(err)
	}
	if os.Geteuid() != 0 {
		return // only root can give files away
	}
	const nobody, group = 65534, 0o775
	if err := os.Chmod(dir, group); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, 0, nobody); err != nil {
		t.Fatal(err)
	}
	if err := private.Check(dir); !errors.Is(err, private.ErrShared) {
		t.Errorf("a folder of a group: %v", err)
	}
	if err := os.Chown(dir, nobody, 0); err != nil {
		t.Fatal(err)
	}
	if err := private.Check(dir); !errors.Is(err, private.ErrForeign) {
		t.Errorf("another user's folder: %v", err)
	}
}
