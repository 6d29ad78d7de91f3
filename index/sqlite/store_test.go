package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/imgsearch/imgsearch/index/sqlite"
)

var ctx = context.Background()

func open(t *testing.T, path string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// strangeName is a file name with what means something in a URI.
func strangeName() string {
	if runtime.GOOS == "windows" {
		return "with space & 100%#.db"
	}
	return "with space & 100%?#.db"
}

func put(t *testing.T, s *sqlite.Store, change func(*sqlite.Batch) error) {
	t.Helper()
	b, err := s.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Rollback()
	if err := change(b); err != nil {
		t.Fatal(err)
	}
	if err := b.Commit(); err != nil {
		t.Fatal(err)
	}
}

// TestPragmas: what must hold on every pooled connection holds on several at once.
func TestPragmas(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), strangeName()))
	for range 3 {
		w, err := s.Watch(ctx) // keeps a connection
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
	}
	put(t, s, func(b *sqlite.Batch) error {
		// Without foreign keys a file of a root that is not there would be taken.
		err := b.PutFile(ctx, sqlite.File{Place: sqlite.Place{RootID: 99, Name: "a"}, ContentID: 1})
		if err == nil {
			t.Error("a file of no root was taken")
		}
		return nil
	})
	if _, err := os.Stat(s.Path()); err != nil {
		t.Errorf("the index is not where it was asked for: %v", err)
	}
}

func TestReadOnlyWithoutAWritableFolder(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "i.db")
	s, err := sqlite.Open(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.AddRoot(ctx, "/photos", true); err != nil {
		t.Fatal(err)
	}
	if err := s.Checkpoint(ctx); err != nil {
		t.Fatal(err)
	}
	s.Close()
	for _, p := range []string{path, dir} {
		if err := os.Chmod(p, 0o500); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
	if _, err := sqlite.Open(ctx, path); !errors.Is(err, sqlite.ErrReadOnly) {
		t.Errorf("opened for changes: %v", err)
	}
	r, err := sqlite.OpenReadOnly(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if roots, err := r.Roots(ctx); err != nil || len(roots) != 1 {
		t.Errorf("roots %v, %v", roots, err)
	}
}

// TestOrphans: a picture without a file keeps its vector for a while, and gets it back with its file.
func TestOrphans(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "i.db"))
	root, err := s.AddRoot(ctx, "/photos", true)
	if err != nil {
		t.Fatal(err)
	}
	model, err := s.EnsureModel(ctx, sqlite.Model{Identity: "m", Dim: 1})
	if err != nil {
		t.Fatal(err)
	}
	place := sqlite.Place{RootID: root.ID, Dir: "d", Name: "a.jpg"}
	content := sqlite.Content{Hash: [32]byte{1}, Format: "jpeg", Width: 1, Height: 1, Orientation: 1}
	add := func(b *sqlite.Batch) error {
		id, err := b.PutContent(ctx, content)
		if err != nil {
			return err
		}
		return b.PutFile(ctx, sqlite.File{Place: place, ContentID: id})
	}
	put(t, s, add)
	put(t, s, func(b *sqlite.Batch) error {
		id, err := b.PutContent(ctx, content)
		if err != nil {
			return err
		}
		return b.PutEmbedding(ctx, model.ID, id, []byte{0, 0})
	})
	embedded := func() bool {
		known, _, err := s.Content(ctx, content.Hash, model.ID)
		if err != nil {
			t.Fatal(err)
		}
		return known.Embedded
	}
	put(t, s, func(b *sqlite.Batch) error { _, err := b.DeleteFile(ctx, place); return err })
	put(t, s, func(b *sqlite.Batch) error { _, err := b.DropOrphans(ctx, time.Now().Add(-time.Hour)); return err })
	if !embedded() {
		t.Fatal("the vector went with the file")
	}
	put(t, s, add) // it is back
	put(t, s, func(b *sqlite.Batch) error { _, err := b.DropOrphans(ctx, time.Now().Add(time.Hour)); return err })
	if !embedded() {
		t.Fatal("a picture with a file was dropped")
	}
	if _, err := s.RemoveRoot(ctx, "/photos"); err != nil {
		t.Fatal(err)
	}
	put(t, s, func(b *sqlite.Batch) error { _, err := b.DropOrphans(ctx, time.Now().Add(time.Hour)); return err })
	if embedded() {
		t.Error("an old orphan's vector is kept")
	}
}

func TestAbsorb(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "i.db"))
	outer, err := s.AddRoot(ctx, "/p", true)
	if err != nil {
		t.Fatal(err)
	}
	inner, err := s.AddRoot(ctx, "/p/x_%", true) // wildcards of LIKE are plain bytes here
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, func(b *sqlite.Batch) error {
		id, err := b.PutContent(ctx, sqlite.Content{Hash: [32]byte{1}, Format: "jpeg"})
		if err != nil {
			return err
		}
		for _, dir := range []string{"", "y", "y/z"} {
			if err := b.PutFile(ctx, sqlite.File{Place: sqlite.Place{RootID: inner.ID, Dir: dir, Name: "a"}, ContentID: id}); err != nil {
				return err
			}
		}
		return nil
	})
	if err := s.Absorb(ctx, outer, inner, "x_%"); err != nil {
		t.Fatal(err)
	}
	folders, err := s.Folders(ctx, outer.ID, "x_%")
	if err != nil || len(folders) != 3 || folders[0].Dir != "x_%" || folders[1].Dir != "x_%/y" || folders[2].Dir != "x_%/y/z" {
		t.Errorf("folders %+v, %v", folders, err)
	}
	if below, err := s.Folders(ctx, outer.ID, "x"); err != nil || len(below) != 0 {
		t.Errorf("folders below a prefix of a name: %+v, %v", below, err)
	}
	if roots, err := s.Roots(ctx); err != nil || len(roots) != 1 {
		t.Errorf("roots %+v, %v", roots, err)
	}
}

// TestNewest: whatever number is expected, all that the filter selects are told, each once, the functions asked in the database.
func TestNewest(t *testing.T) {
	const n = 300
	s := open(t, filled(t, n))
	for name, c := range map[string]struct {
		filter sqlite.Filter
		want   int
	}{
		"all":      {sqlite.Filter{}, n},
		"by name":  {sqlite.Filter{Name: func(_, name string) bool { return strings.HasSuffix(name, "7.jpg") }}, n / 10},
		"by place": {sqlite.Filter{Where: func(float64, float64) bool { return true }, South: -90, North: 90, West: -180, East: 180}, 0},
	} {
		var order []int64
		err := s.Newest(ctx, c.filter, 0, func(id int64) bool {
			order = append(order, id)
			return true
		})
		if err != nil || len(order) != c.want {
			t.Errorf("%s: %d, want %d (%v)", name, len(order), c.want, err)
		}
		seen := make(map[int64]bool)
		for _, id := range order {
			if seen[id] {
				t.Errorf("%s: %d is told twice", name, id)
			}
			seen[id] = true
		}
		ids, err := s.Matching(ctx, c.filter)
		if err != nil || len(ids) != c.want {
			t.Errorf("%s: %d match, want %d (%v)", name, len(ids), c.want, err)
		}
		files := 0
		if err := s.MatchingFiles(ctx, c.filter, func(int64, sqlite.HitFile) { files++ }); err != nil || files != c.want {
			t.Errorf("%s: %d files, want %d (%v)", name, files, c.want, err)
		}
	}
}

// TestNewestOfCopies: of a content with several files one row each is read, and it is told once.
func TestNewestOfCopies(t *testing.T) {
	const n = 150
	s := open(t, filled(t, n))
	ids, err := s.Matching(ctx, sqlite.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	roots, err := s.Roots(ctx)
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, func(b *sqlite.Batch) error {
		for i, id := range ids {
			if err := b.PutFile(ctx, sqlite.File{Place: sqlite.Place{RootID: roots[0].ID, Dir: "copies", Name: fmt.Sprintf("%d.jpg", i)}, ContentID: id}); err != nil {
				return err
			}
		}
		return nil
	})
	byName := sqlite.Filter{Name: func(_, name string) bool { return strings.HasSuffix(name, ".jpg") }}
	told := make(map[int64]int)
	if err := s.Newest(ctx, byName, 0, func(id int64) bool { told[id]++; return true }); err != nil || len(told) != n {
		t.Errorf("%d are told, want %d (%v)", len(told), n, err)
	}
	for id, times := range told {
		if times != 1 {
			t.Errorf("%d is told %d times", id, times)
		}
	}
	if matching, err := s.Matching(ctx, byName); err != nil || len(matching) != n {
		t.Errorf("%d match, want %d (%v)", len(matching), n, err)
	}
}
