package app

import (
	"os"
	"path/filepath"
	"testing"
)

func TestOwnFiles(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Skip(err)
	}
	if there, err := filepath.EvalSymlinks(link); err != nil || there == link {
		t.Skip("links are not resolved here: ", there, err)
	}
	for _, index := range []string{filepath.Join(dir, "idx"), filepath.Join(link, "idx")} {
		own := Index{Path: index}.OwnFiles()
		for name, want := range map[string]bool{
			"idx": true, "idx-wal": true, "idx.lock": true, "idx.inflight": true, "idx.vectors": true, "idx.jobs.db": true, "idx.jobs.db-wal": true, "idx.vectors/a.f16": true, "idx.cache/x": true,
			"idx.jpg": false, "idx2": false, "other/idx": false,
		} {
			if got := own.Has(filepath.Join(dir, filepath.FromSlash(name))); got != want {
				t.Errorf("%s of %s: %v", name, index, got)
			}
		}
	}
}
