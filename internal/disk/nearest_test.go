package disk

import (
	"os"
	"path/filepath"
	"testing"
)

// TestNearest: of a path that is not there, the folder that will hold it; a file on the way is no folder.
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
