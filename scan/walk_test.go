package scan_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/imgsearch/imgsearch/scan"
)

func write(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestWalkIsDeterministicAndWhole(t *testing.T) {
	root := t.TempDir()
	for _, p := range []string{"b.jpg", "a.jpg", "z/1.jpg", "m/n/2.jpg", "m/3.jpg"} {
		write(t, filepath.Join(root, p))
	}
	if err := os.Mkdir(filepath.Join(root, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	walk := func(start string) (seen []string) {
		err := scan.Walk(context.Background(), root, start, scan.Options{}, func(f scan.Folder) error {
			if f.Empty != (f.Rel == "empty") {
				t.Errorf("%q empty: %v", f.Rel, f.Empty)
			}
			for _, file := range f.Files {
				seen = append(seen, filepath.ToSlash(filepath.Join(f.Rel, file.Name)))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return seen
	}
	equal(t, walk(""), []string{"a.jpg", "b.jpg", "m/3.jpg", "m/n/2.jpg", "z/1.jpg"})
	equal(t, walk("m"), []string{"m/3.jpg", "m/n/2.jpg"})
}

func equal(t *testing.T, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %q, want %q", got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
}

// TestIgnoreFilesAbove: a walk that starts below an ignore file applies it.
func TestIgnoreFilesAbove(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "sub/a.jpg"))
	write(t, filepath.Join(root, "sub/b.png"))
	if err := os.WriteFile(filepath.Join(root, scan.IgnoreFile), []byte("/sub/*.jpg\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var seen []string
	err := scan.Walk(context.Background(), root, "sub", scan.Options{}, func(f scan.Folder) error {
		for _, file := range f.Files {
			seen = append(seen, file.Name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, seen, []string{"b.png"})
}

// TestFolderVanishes: a folder that disappears during the walk is visited with its error; the walk continues.
func TestFolderVanishes(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "a/1.jpg"))
	write(t, filepath.Join(root, "b/2.jpg"))
	var vanished error
	var seen []string
	err := scan.Walk(context.Background(), root, "", scan.Options{}, func(f scan.Folder) error {
		if f.Rel == "" {
			return os.RemoveAll(filepath.Join(root, "a"))
		}
		if f.Rel == "a" {
			vanished = f.Err
		}
		for _, file := range f.Files {
			seen = append(seen, file.Name)
		}
		return nil
	})
	if err != nil || !errors.Is(vanished, fs.ErrNotExist) {
		t.Errorf("walk: %v, vanished folder: %v", err, vanished)
	}
	equal(t, seen, []string{"2.jpg"})
}

func TestRootErrors(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "file"))
	none := func(scan.Folder) error { t.Error("visited"); return nil }
	if err := scan.Walk(context.Background(), filepath.Join(root, "no"), "", scan.Options{}, none); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing root: %v", err)
	}
	if err := scan.Walk(context.Background(), filepath.Join(root, "file"), "", scan.Options{}, none); !errors.Is(err, scan.ErrNotFolder) {
		t.Errorf("a file as root: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := scan.Walk(ctx, root, "", scan.Options{}, none); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
