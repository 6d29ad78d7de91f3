package sqlite_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/imgsearch/imgsearch/index/sqlite"
	"github.com/imgsearch/imgsearch/index/store"
)

var ctx = context.Background()

// strangeName returns a file name with characters that are special in a URI.
func strangeName() string {
	if runtime.GOOS == "windows" {
		return "with space & 100%#.db"
	}
	return "with space & 100%?#.db"
}

func put(t *testing.T, s *sqlite.Store, change func(store.Tx) error) {
	t.Helper()
	tx, err := s.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if err := change(tx); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestReadOnlyWithoutAWritableFolder(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "i.db")
	s, err := sqlite.Open(ctx, path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.AddRoot(ctx, "/photos", true); err != nil {
		t.Fatal(err)
	}
	s.Close()
	for _, p := range []string{path, dir} {
		if err := os.Chmod(p, 0o500); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
	if _, err := sqlite.Open(ctx, path, sqlite.Options{}); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("opened for changes: %v", err)
	}
	r, err := sqlite.OpenReadOnly(ctx, path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if roots, err := r.Roots(ctx); err != nil || len(roots) != 1 {
		t.Errorf("roots %v, %v", roots, err)
	}
}

// TestReadersWaitForTheMigration: if the lock of an index with an earlier schema is held, another process is creating or migrating it,
// and readers wait.
func TestReadersWaitForTheMigration(t *testing.T) {
	path := filepath.Join(t.TempDir(), "i.db")
	data, err := os.ReadFile(filepath.Join("..", "..", "testdata", "backcompat", "schema-3.db"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	lock, err := sqlite.TryLock(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.OpenReadOnly(t.Context(), path, sqlite.Options{}); !errors.Is(err, store.ErrBusy) {
		t.Errorf("one who does not wait: %v, want ErrBusy", err)
	}
	opened := make(chan error)
	go func() {
		s, err := sqlite.OpenReadOnly(context.Background(), path, sqlite.Options{Wait: time.Minute})
		if err == nil {
			err = s.Close()
		}
		opened <- err
	}()
	select {
	case err := <-opened:
		t.Errorf("the reader did not wait: %v", err)
	case <-time.After(200 * time.Millisecond):
	}
	if err := lock.Unlock(); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; err != nil {
		t.Error(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
