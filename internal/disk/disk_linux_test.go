package disk

import (
	"os"
	"path/filepath"
	"testing"
)

// TestRotates checks that partitions inherit what the kernel reports about their disk.
func TestRotates(t *testing.T) {
	sys := t.TempDir()
	for name, says := range map[string]string{"sda": "1\n", "nvme0n1": "0\n"} {
		if err := os.MkdirAll(filepath.Join(sys, name, "queue"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(sys, name, "queue", "rotational"), []byte(says), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(sys, name, name+"p1"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]bool{"sda": true, "sda/sdap1": true, "nvme0n1": false, "nvme0n1/nvme0n1p1": false, "nothing": false} {
		if got := rotatesAt(filepath.Join(sys, path)); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
	if Sequential("/nowhere at all") {
		t.Error("a path that does not exist is sequential")
	}
}
