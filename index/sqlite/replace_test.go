package sqlite_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/imgsearch/imgsearch/index/sqlite"
	"github.com/imgsearch/imgsearch/index/store"
)

// withLog makes path the index of a killed run, of n pictures that are in its write-ahead log.
func withLog(t *testing.T, path string, n int) {
	t.Helper()
	other := filepath.Join(t.TempDir(), "other.db")
	s, err := sqlite.Open(t.Context(), other, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close() // it empties the log
	fill(t, s, n)
	for _, suffix := range []string{"", "-wal"} {
		copyTo(t, other+suffix, path+suffix)
	}
	if info, err := os.Stat(path + "-wal"); err != nil || info.Size() == 0 {
		t.Fatalf("no log: %v", err)
	}
}

func copyTo(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func backUp(t *testing.T, path, to string) {
	t.Helper()
	s, err := sqlite.OpenReadOnly(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Backup(t.Context(), to); err != nil {
		t.Fatal(err)
	}
}

// TestBackupOverAKilledRun checks that the log of the older file is not applied to the new copy.
func TestBackupOverAKilledRun(t *testing.T) {
	path, target := filled(t, 30), filepath.Join(t.TempDir(), "copy.db")
	withLog(t, target, 70)
	backUp(t, path, target)
	if n := countsOf(t, target); n.Pictures != 30 || n.embedded != 30 {
		t.Errorf("%+v, want 30 pictures", n)
	}
	entries, err := os.ReadDir(filepath.Dir(target))
	if err != nil || len(entries) > 4 { // with the lock, and -wal and -shm of the reader
		t.Errorf("left: %v, %v", entries, err)
	}
}

// TestBackupOverALockedIndex checks that a backup does not replace an index that a run is writing to.
func TestBackupOverALockedIndex(t *testing.T) {
	path, target := filled(t, 3), filled(t, 5)
	l, err := sqlite.TryLock(target)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Unlock()
	s, err := sqlite.OpenReadOnly(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Backup(t.Context(), target); !errors.Is(err, store.ErrBusy) {
		t.Errorf("%v, want ErrBusy", err)
	}
	if n := countsOf(t, target); n.Pictures != 5 {
		t.Errorf("%+v, want 5 pictures", n)
	}
}

// TestRestore checks what takes the place of an index whose run was killed, and that nothing of that is lost.
func TestRestore(t *testing.T) {
	path, backup := filepath.Join(t.TempDir(), "i.db"), filled(t, 30)
	withLog(t, path, 70)
	before := countsOf(t, path)
	kept, err := sqlite.Restore(t.Context(), backup, path)
	if err != nil {
		t.Fatal(err)
	}
	if n := countsOf(t, path); n.Pictures != 30 || n.embedded != 30 {
		t.Errorf("%+v, want 30 pictures", n)
	}
	if n := countsOf(t, kept); n != before {
		t.Errorf("kept %+v, want %+v", n, before)
	}
	again, err := sqlite.Restore(t.Context(), kept, path)
	if err != nil || again == kept {
		t.Fatalf("%s, %v", again, err)
	}
	if n := countsOf(t, path); n != before {
		t.Errorf("restored %+v, want %+v", n, before)
	}
}

// TestReplacementIsCompleted goes through the states in which a process can die while it replaces an index.
func TestReplacementIsCompleted(t *testing.T) {
	for name, c := range map[string]struct {
		replacement, log bool
		want             int
	}{
		"before it is decided":         {false, true, 70},
		"decided":                      {true, true, 30},
		"decided, and the log is gone": {true, false, 30},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "i.db")
			withLog(t, path, 70)
			if c.replacement {
				copyTo(t, filled(t, 30), path+sqlite.ReplacementSuffix)
			}
			if !c.log {
				if err := os.Remove(path + "-wal"); err != nil {
					t.Fatal(err)
				}
			}
			if n := countsOf(t, path); n.Pictures != c.want {
				t.Errorf("%+v, want %d pictures", n, c.want)
			}
			if _, err := os.Lstat(path + sqlite.ReplacementSuffix); err == nil {
				t.Error("the replacement is still there")
			}
		})
	}
}

// TestReplacementUnderTheLock checks that nobody completes what another process is doing.
func TestReplacementUnderTheLock(t *testing.T) {
	path := filled(t, 7)
	l, err := sqlite.TryLock(path)
	if err != nil {
		t.Fatal(err)
	}
	copyTo(t, filled(t, 3), path+sqlite.ReplacementSuffix)
	if n := countsOf(t, path); n.Pictures != 7 {
		t.Errorf("%+v, want 7 pictures", n)
	}
	if err := l.Unlock(); err != nil {
		t.Fatal(err)
	}
	if n := countsOf(t, path); n.Pictures != 3 {
		t.Errorf("%+v, want 3 pictures", n)
	}
}

// TestSalvageAgain checks that a repair which was killed after it kept the index leaves no second name of it.
func TestSalvageAgain(t *testing.T) {
	path := filled(t, 20)
	if err := os.Link(path, path+".damaged-20260101-000000"); err != nil {
		t.Skip(err)
	}
	copyTo(t, path, path+".damaged-20250101-000000")
	s, err := sqlite.Salvage(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if n := countsOf(t, path); n.Pictures != 20 {
		t.Errorf("%+v, want 20 pictures", n)
	}
	found, err := filepath.Glob(filepath.Dir(path) + "/*.damaged-*")
	var left []string
	for _, name := range found {
		if filepath.Ext(name) != ".lock" && name[len(name)-4:] != "-wal" && name[len(name)-4:] != "-shm" {
			left = append(left, name)
		}
	}
	if err != nil || len(left) != 2 {
		t.Errorf("kept %q, want %s and the other copy", left, s.Kept)
	}
}

// TestRescue checks that an index that does not exist names what is left of it.
func TestRescue(t *testing.T) {
	path := filled(t, 3)
	left := path + ".damaged-20260101-000000"
	if err := os.Rename(path, left); err != nil {
		t.Fatal(err)
	}
	_, err := sqlite.OpenReadOnly(t.Context(), path, sqlite.Options{})
	if lost, ok := errors.AsType[*store.LostError](err); !ok || lost.Rescue != left || !errors.Is(err, store.ErrNoIndex) {
		t.Errorf("%v, want one that names %s", err, left)
	}
	if err := os.WriteFile(left, []byte("no index"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.OpenReadOnly(t.Context(), path, sqlite.Options{}); err == nil || errors.As(err, new(*store.LostError)) {
		t.Errorf("%v, want one that names nothing", err)
	}
}

// TestFailedBackupLeavesNothing checks that a backup that fails removes what it has written.
func TestFailedBackupLeavesNothing(t *testing.T) {
	s, err := sqlite.OpenReadOnly(t.Context(), filled(t, 10), sqlite.Options{})
	must(t, err)
	defer s.Close()
	dir := t.TempDir()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Backup(cancelled, filepath.Join(dir, "copy.db")); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want %v", err, context.Canceled)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// TestRestoreOverSharedMemory checks that what a killed process leaves of the shared memory does not stop a restore, and that another file of that
// name does.
func TestRestoreOverSharedMemory(t *testing.T) {
	path := filled(t, 10)
	dir := t.TempDir()
	backup := filepath.Join(dir, "copy.db")
	backUp(t, path, backup)
	for size, ok := range map[int]bool{0: true, 3: true, 4096: true, 8192: true, 32768: true, 65536: true, 5: false, 4097: false} {
		must(t, os.WriteFile(path+"-shm", make([]byte, size), 0o600))
		_, err := sqlite.Restore(t.Context(), backup, path)
		if ok && err != nil || !ok && !errors.Is(err, store.ErrNotReplaced) {
			t.Errorf("%d bytes: %v", size, err)
		}
		os.Remove(path + "-shm")
	}
}
