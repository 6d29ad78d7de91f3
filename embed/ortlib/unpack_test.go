package ortlib

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/imgsearch/imgsearch/internal/private"
)

// TestPlanted checks that a file that somebody else could have put in the library's place is not loaded.
func TestPlanted(t *testing.T) {
	library := bytes.Repeat([]byte("library "), 1000)
	planted := bytes.Repeat([]byte("evil lib"), 1000) // of the same size
	digest := sha256.Sum256(library)
	sum := hex.EncodeToString(digest[:])
	for name, c := range map[string]struct {
		plant func(t *testing.T, dir, path string)
		want  string // the folder that is used
	}{
		"nothing there": {func(*testing.T, string, string) {}, "first"},
		"another file in one's own folder": {func(t *testing.T, _, path string) {
			plant(t, path, planted)
		}, "first"},
		"the right file": {func(t *testing.T, _, path string) {
			plant(t, path, library)
		}, "first"},
		"a folder that others can write to": {func(t *testing.T, dir, path string) {
			plant(t, path, library)
			chmod(t, dir)
		}, "second"},
		"a folder in it that others can write to": {func(t *testing.T, _, path string) {
			plant(t, path, planted)
			chmod(t, filepath.Dir(path))
		}, "second"},
		"a file that others can write to": {func(t *testing.T, _, path string) {
			plant(t, path, library)
			chmod(t, path)
		}, "second"},
		"a file of another user": {func(t *testing.T, _, path string) {
			if os.Geteuid() != 0 {
				t.Skip("only root can give files away")
			}
			plant(t, path, library)
			if err := os.Chown(path, 65534, 65534); err != nil {
				t.Fatal(err)
			}
		}, "second"},
	} {
		t.Run(name, func(t *testing.T) {
			base := t.TempDir()
			dirs := []string{filepath.Join(base, "first"), filepath.Join(base, "second")}
			c.plant(t, dirs[0], filepath.Join(dirs[0], "runtime", sum, "lib.so"))
			path, err := unpackFirst(dirs, gz(t, library), sum, "lib.so")
			if want := filepath.Join(base, c.want, "runtime", sum, "lib.so"); err != nil || path != want {
				t.Fatalf("%s, %v; want %s", path, err, want)
			}
			if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, library) {
				t.Errorf("%d bytes of another file, %v", len(got), err)
			}
		})
	}
}

func plant(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func chmod(t *testing.T, path string) {
	t.Helper()
	if !private.Checked {
		t.Skip("this system protects files in another way")
	}
	if err := os.Chmod(path, 0o777); err != nil {
		t.Fatal(err)
	}
}
