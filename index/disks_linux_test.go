package index_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/imgsearch/imgsearch/index"
)

// TestUnpluggedDisk: the files of a disk that was mounted inside a root stay in the index when it is unmounted, whatever
// the mount point holds meanwhile, and are found again when it is mounted.
func TestUnpluggedDisk(t *testing.T) {
	e := newEngine(t)
	mount := filepath.Join(e.dir, "disk")
	if err := os.Mkdir(mount, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", mount, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("no disk can be mounted here: %v", err)
	}
	mounted := true
	t.Cleanup(func() {
		if mounted {
			_ = unix.Unmount(mount, 0)
		}
	})
	for i := range 20 {
		e.write(fmt.Sprintf("%d.jpg", i), fmt.Sprint("home ", i))
	}
	for i := range 4 {
		e.write(fmt.Sprintf("disk/%d.jpg", i), fmt.Sprint("disk ", i))
	}
	e.write("disk/deep/4.jpg", "disk 4")
	if sum, err := e.run(nil); err != nil || sum.Added != 25 {
		t.Fatalf("%+v, %v", sum, err)
	}
	data, err := os.ReadFile(filepath.Join(mount, "0.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(mount, "0.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	// A bind mount of the same tmpfs keeps its files alive while the mount point is free.
	other := t.TempDir()
	if err := unix.Mount(mount, other, "", unix.MS_BIND, ""); err != nil {
		t.Skipf("no bind mount here: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(other, 0) })
	if err := unix.Unmount(mount, 0); err != nil {
		t.Fatal(err)
	}
	mounted = false
	if sum, err := e.run(nil); err != nil || sum.Removed != 0 || sum.Kept != 5 || sum.Unchanged != 20 || sum.Unreachable == 0 {
		t.Fatalf("unmounted: %+v, %v", sum, err)
	}
	// A backup to the unmounted disk leaves a copy with the same time.
	e.write("disk/0.jpg", string(data))
	if err := os.Chtimes(filepath.Join(mount, "0.jpg"), info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	for _, prune := range []bool{false, true} {
		sum, err := e.run(func(r *index.Request) { r.Prune = prune })
		if err != nil || sum.Removed != 0 || sum.Kept != 4 || sum.Unchanged != 21 {
			t.Fatalf("unmounted, with a copy, prune %v: %+v, %v", prune, sum, err)
		}
	}
	if err := os.Remove(filepath.Join(mount, "0.jpg")); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount(other, mount, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	mounted = true
	if sum, err := e.run(nil); err != nil || sum.Unchanged != 25 || sum.Kept != 0 || sum.Removed != 0 {
		t.Fatalf("mounted again: %+v, %v", sum, err)
	}
}
