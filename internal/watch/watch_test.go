package watch_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/imgsearch/imgsearch/internal/watch"
)

// started is a running watch of one root, and what it has reported.
type started struct {
	t       *testing.T
	root    string
	changed chan []string
}

func start(t *testing.T, change func(*watch.Options)) started {
	t.Helper()
	s := started{t, filepath.Join(t.TempDir(), "root"), make(chan []string, 100)}
	s.mkdir("a/b")
	s.write("a/one.jpg")
	o := watch.Defaults()
	o.Quiet, o.Most, o.Poll = 50*time.Millisecond, time.Second, 50*time.Millisecond
	o.Roots = func(context.Context) ([]string, error) { return []string{s.root}, nil }
	o.Ignores = func(path string) bool { return strings.HasSuffix(path, ".txt") }
	o.Walk = func(_ context.Context, dir string, visit func(string, int)) error {
		return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				visit(path, 1)
			}
			return nil
		})
	}
	if change != nil {
		change(&o)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- watch.Run(ctx, o, func(_ context.Context, dirs []string) error {
			s.changed <- dirs
			return nil
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	s.expect("")
	return s
}

func (s started) path(rel string) string { return filepath.Join(s.root, filepath.FromSlash(rel)) }

func (s started) mkdir(rel string) {
	s.t.Helper()
	if err := os.MkdirAll(s.path(rel), 0o755); err != nil {
		s.t.Fatal(err)
	}
}

func (s started) write(rel string) {
	s.t.Helper()
	if err := os.WriteFile(s.path(rel), []byte(rel), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s started) rename(from, to string) {
	s.t.Helper()
	if err := os.Rename(s.path(from), s.path(to)); err != nil {
		s.t.Fatal(err)
	}
}

// expect waits until one of these folders is reported as changed.
func (s started) expect(rel ...string) {
	s.t.Helper()
	end := time.After(20 * time.Second)
	var seen [][]string
	for {
		select {
		case dirs := <-s.changed:
			seen = append(seen, dirs)
			for _, dir := range dirs {
				if slices.ContainsFunc(rel, func(r string) bool { return s.path(r) == dir }) {
					return
				}
			}
		case <-end:
			s.t.Fatalf("%q was not reported as changed, but %q was", rel, seen)
		}
	}
}

func (s started) expectNothing() {
	s.t.Helper()
	select {
	case dirs := <-s.changed:
		s.t.Fatalf("%q were reported as changed", dirs)
	case <-time.After(300 * time.Millisecond):
	}
}

func TestEvents(t *testing.T) {
	s := start(t, nil)
	s.expectNothing()
	s.write("a/two.jpg")
	s.expect("a")
	s.write("a/notes.txt")
	s.expectNothing()
	// A new folder is watched, whatever it already contains, and so is a renamed one.
	s.mkdir("new/deep")
	s.write("new/deep/x.jpg")
	s.expect("")
	s.write("new/deep/y.jpg")
	s.expect("new/deep", "new") // files that were added to new before it was watched may be reported now
	s.rename("new", "other")
	s.expect("")
	s.write("other/deep/z.jpg")
	s.expect("other/deep", "other", "") // Wine reports the file under the old name of its folder
	if err := os.Remove(s.path("a/one.jpg")); err != nil {
		t.Fatal(err)
	}
	s.expect("a")
	if err := os.RemoveAll(s.path("a")); err != nil {
		t.Fatal(err)
	}
	s.expect("")
	s.mkdir("a")
	s.expect("")
	s.write("a/again.jpg")
	s.expect("a")
}

// TestRootGoes removes the root, like an unplugged disk, and brings it back.
func TestRootGoes(t *testing.T) {
	s := start(t, nil)
	away := s.root + "-away"
	if err := os.Rename(s.root, away); err != nil {
		t.Fatal(err)
	}
	s.expect("")
	if err := os.Rename(away, s.root); err != nil {
		t.Fatal(err)
	}
	s.expect("")
	s.write("a/b/back.jpg")
	s.expect("a/b")
}

// TestBlind checks that changes are found by rescans if there are no events.
func TestBlind(t *testing.T) {
	notes := make(chan string, 10)
	s := start(t, func(o *watch.Options) {
		o.EventsAt = func(string) bool { return false }
		o.RescanBlind = 200 * time.Millisecond
		o.Blind = func(b watch.Blind) { notes <- b.Why }
	})
	s.write("a/two.jpg")
	s.expect("")
	s.expect("")
	if note := <-notes; !strings.Contains(note, "network file system") || len(notes) > 0 {
		t.Errorf("%q and %d more", note, len(notes))
	}
}

func TestErrorEnds(t *testing.T) {
	o := watch.Defaults()
	dir := t.TempDir()
	o.Roots = func(context.Context) ([]string, error) { return []string{dir}, nil }
	o.Walk = func(_ context.Context, dir string, visit func(string, int)) error { visit(dir, 0); return nil }
	want := errors.New("as asked")
	if err := os.WriteFile(filepath.Join(dir, "a.jpg"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := watch.Run(t.Context(), o, func(context.Context, []string) error { return want }); !errors.Is(err, want) {
		t.Errorf("%v", err)
	}
}
