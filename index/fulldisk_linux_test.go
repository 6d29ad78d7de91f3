package index_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/imgsearch/imgsearch/index/store"
)

// TestFullDisk: when the index cannot grow, the run ends with that error, does not hang, and what was committed stays.
func TestFullDisk(t *testing.T) {
	disk := t.TempDir()
	if err := unix.Mount("tmpfs", disk, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("no small disk can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(disk, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	e := newEngineAt(t, filepath.Join(disk, "i.db"))
	for i := range 4000 {
		e.write(fmt.Sprintf("%04d-%s.jpg", i, strings.Repeat("long", 40)), fmt.Sprint(i))
	}
	if _, err := e.run(nil); !errors.Is(err, store.ErrFull) {
		t.Fatalf("err = %v, want ErrFull", err)
	}
	counts, err := e.store.Totals(context.Background())
	if err != nil {
		t.Fatalf("the index cannot be read: %v", err)
	}
	if err := unix.Mount("tmpfs", disk, "tmpfs", unix.MS_REMOUNT, "size=64m"); err != nil {
		t.Fatal(err)
	}
	sum, err := e.run(nil)
	if err != nil || !sum.Complete || sum.Added != 4000-counts.Files || sum.Unchanged != counts.Files {
		t.Fatalf("the next run: %+v, %v; %d files were committed", sum, err, counts.Files)
	}
	if _, err := os.Stat(e.store.Location() + ".inflight"); err == nil {
		t.Error("the journal is left")
	}
}
