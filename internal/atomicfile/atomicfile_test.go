package atomicfile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/imgsearch/imgsearch/internal/atomicfile"
)

func TestWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b.json")
	for _, text := range []string{"one", "two, longer", ""} {
		if err := atomicfile.Write(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Errorf("%q, %v", got, err)
		}
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("left %v", left)
	}
	if err := atomicfile.Write(filepath.Join(path, "below"), nil); err == nil {
		t.Error("a file is used as a folder")
	}
}

// TestCreate checks that the existing file stays until the new one is committed, and that no unfinished file is left afterwards.
func TestCreate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	if err := atomicfile.Write(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	content := func() string {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
		}
		return string(data)
	}
	begin := func() *atomicfile.File {
		f, err := atomicfile.Create(path, atomicfile.Options{Durable: true, Mode: 0o700, Unfinished: ".x-*"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte("new")); err != nil {
			t.Fatal(err)
		}
		if left, err := filepath.Glob(filepath.Join(dir, ".x-*")); err != nil || len(left) != 1 {
			t.Errorf("unfinished: %q, %v", left, err)
		}
		return f
	}
	f := begin()
	f.Abort()
	f.Abort()
	if err := f.Commit(); err == nil || content() != "old" {
		t.Errorf("aborted: %v, %q", err, content())
	}
	f = begin()
	if err := f.Commit(); err != nil || content() != "new" {
		t.Errorf("committed: %v, %q", err, content())
	}
	f.Abort()
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 || content() != "new" {
		t.Errorf("left %v", left)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o700); err != nil { // a folder cannot be replaced
		t.Fatal(err)
	}
	if err := begin().Commit(); err == nil {
		t.Error("a folder was replaced")
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("a failure left %v", left)
	}
}

// TestFollowLink checks that a link stays and its target is replaced.
func TestFollowLink(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	if err := os.Symlink(target, link); err != nil {
		t.Skip("no links here: ", err)
	}
	if err := os.WriteFile(target, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := atomicfile.Replace(link, []byte("new"), atomicfile.Options{FollowLink: true}); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(target); err != nil || string(data) != "new" {
		t.Errorf("%q, %v", data, err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v", err)
	}
}

// TestCommitNew checks that an existing file is not replaced, and that nothing unfinished is left.
func TestCommitNew(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	for _, want := range []error{nil, fs.ErrExist} {
		f, err := atomicfile.Create(path, atomicfile.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString("text"); err != nil {
			t.Fatal(err)
		}
		if err := f.CommitNew(); !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
		f.Abort()
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 || files[0].Name() != "file" {
		t.Errorf("%v, %v", files, err)
	}
}
