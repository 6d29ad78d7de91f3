//go:build unix

package models_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/imgsearch/imgsearch/internal/regular"
	"github.com/imgsearch/imgsearch/models"
)

// TestDigestsOfADevice checks that weights that never end are not hashed.
func TestDigestsOfADevice(t *testing.T) {
	dir := t.TempDir()
	for _, name := range models.Files() {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/dev/zero", filepath.Join(dir, "weights")); err != nil {
		t.Fatal(err)
	}
	if _, err := (models.Model{Name: "m", Dir: dir}).Digests("", []string{"weights"}); !errors.Is(err, regular.ErrNotRegular) {
		t.Errorf("%v, want %v", err, regular.ErrNotRegular)
	}
}
