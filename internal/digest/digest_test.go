package digest_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/imgsearch/imgsearch/internal/digest"
	"github.com/imgsearch/imgsearch/internal/machine"
)

// sumOfHello is the SHA-256 of "hello", as sha256sum prints it.
const sumOfHello = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestVerify(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := digest.Verify(path, sumOfHello); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	write(t, path, "hello")
	if err := digest.Verify(path, sumOfHello); err != nil {
		t.Error(err)
	}
	write(t, path, "hallo")
	if err := digest.Verify(path, sumOfHello); !errors.Is(err, digest.ErrDiffers) {
		t.Errorf("another text: %v", err)
	}
}

// TestVerifyOnce checks that a changed file is read again, and an unchanged one only after the machine was started.
func TestVerifyOnce(t *testing.T) {
	if machine.Boot() == "" {
		t.Skip("this system does not name its boots")
	}
	path := filepath.Join(t.TempDir(), "file")
	write(t, path, "hello")
	if err := digest.VerifyOnce(path, sumOfHello, nil); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, "hallo")
	if err := os.Chtimes(path, time.Time{}, info.ModTime().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if err := digest.VerifyOnce(path, sumOfHello, nil); !errors.Is(err, digest.ErrDiffers) {
		t.Errorf("a changed file: %v", err)
	}
	// A disk that loses a bit does not change the time.
	if err := os.Chtimes(path, time.Time{}, info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if err := digest.VerifyOnce(path, sumOfHello, nil); err != nil {
		t.Errorf("a file that seems unchanged was read again: %v", err)
	}
	notes, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".*"))
	if err != nil || len(notes) != 1 {
		t.Fatalf("%q, %v", notes, err)
	}
	note, err := os.ReadFile(notes[0])
	if err != nil {
		t.Fatal(err)
	}
	write(t, notes[0], string(note[:len(note)-2])+"\n") // of another boot
	if err := digest.VerifyOnce(path, sumOfHello, nil); !errors.Is(err, digest.ErrDiffers) {
		t.Errorf("a lost bit after a start: %v", err)
	}
	write(t, notes[0], string(note))
	digest.Forget(path, nil)
	if err := digest.VerifyOnce(path, sumOfHello, nil); !errors.Is(err, digest.ErrDiffers) {
		t.Errorf("a lost bit in a file to be read again: %v", err)
	}
}

// TestNotesElsewhere checks that a file in a folder that cannot be written is not read at every start.
func TestNotesElsewhere(t *testing.T) {
	if machine.Boot() == "" {
		t.Skip("this system does not name its boots")
	}
	dir, notes := t.TempDir(), filepath.Join(t.TempDir(), "notes")
	path := filepath.Join(dir, "file")
	write(t, path, "hello")
	if err := os.Mkdir(filepath.Join(dir, ".file.verified"), 0o700); err != nil { // in the place of the note beside it
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := digest.VerifyOnce(path, sumOfHello, []string{notes}); err != nil {
		t.Fatal(err)
	}
	write(t, path, "hallo")
	if err := os.Chtimes(path, time.Time{}, info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if err := digest.VerifyOnce(path, sumOfHello, []string{notes}); err != nil {
		t.Errorf("the file was read again: %v", err)
	}
	digest.Forget(path, []string{notes})
	if err := digest.VerifyOnce(path, sumOfHello, []string{notes}); !errors.Is(err, digest.ErrDiffers) {
		t.Errorf("a file to be read again: %v", err)
	}
}
