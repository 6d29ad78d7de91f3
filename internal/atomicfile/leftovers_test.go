package atomicfile_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imgsearch/imgsearch/internal/atomicfile"
)

// TestSweep checks that only the files of dead processes are removed.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	dead := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^$")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	own := atomicfile.Name(".x-*.db")
	if again := atomicfile.Name(".x-*.db"); again == own || !strings.HasSuffix(own, ".db") {
		t.Errorf("%s, %s", own, again)
	}
	ofDead := strings.Replace(own, fmt.Sprintf("-%d-", os.Getpid()), fmt.Sprintf("-%d-", dead.Process.Pid), 1)
	foreign := ".x-00000000-1-1.db"
	kept := []string{own, foreign, ".x-123.db", "a.db", "x-1-2-3.db"}
	slices.Sort(kept)
	for _, name := range append([]string{ofDead, ofDead + "-wal", ".x-00000001-1-1.db"}, kept...) {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	long := time.Now().Add(-30 * 24 * time.Hour)
	if err := os.Chtimes(filepath.Join(dir, ".x-00000001-1-1.db"), long, long); err != nil {
		t.Fatal(err)
	}
	atomicfile.Sweep(dir, ".x-*.db")
	entries, err := os.ReadDir(dir)
	var left []string
	for _, e := range entries {
		left = append(left, e.Name())
	}
	if err != nil || !slices.Equal(left, kept) {
		t.Errorf("left %q, %v, want %q", left, err, kept)
	}
	atomicfile.Sweep(filepath.Join(dir, "nosuch"), ".x-*.db")
}
