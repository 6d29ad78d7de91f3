package fserr

import (
	"errors"
	"io/fs"
	"path/filepath"
	"testing"
)

func TestDenied(t *testing.T) {
	if err := Denied(filepath.Join(t.TempDir(), "nothing")); err != nil {
		t.Errorf("a file that is not there: %v", err)
	}
	if err := Denied(t.TempDir()); err != nil {
		t.Errorf("a folder that may be read: %v", err)
	}
	for want, e := range map[string]*DeniedError{
		"permission denied: owned by anna, mode 0600":         {Path: "/a", Owner: "anna", Mode: 0o600},
		`permission denied: "/a" is owned by anna, mode 0700`: {Path: "/a", Folder: true, Owner: "anna", Mode: 0o700 | fs.ModeDir},
		"permission denied": {Path: "/a"},
	} {
		if e.Error() != want || !errors.Is(e, fs.ErrPermission) {
			t.Errorf("%q, want %q", e, want)
		}
	}
}
