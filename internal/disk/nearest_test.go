package disk

import (
	"os"
	"path/filepath"
	"testing"
)

// TestNearest checks that Nearest finds the folder that a new path would be created in. A file in the path does not count as a folder.
func TestNearest(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{dir: dir, filepath.Join(dir, "a", "b"): dir, file: dir, filepath.Join(file, "x"): dir, "": ""} {
		if got := Nearest(path); got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
}
