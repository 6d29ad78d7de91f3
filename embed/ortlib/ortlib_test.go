package ortlib

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestExplicit(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.so")
	if err := os.WriteFile(text, []byte("not a library, and longer than a header of 64 bytes, so that it is read as one"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]error{
		filepath.Join(dir, "missing.so"): ErrNotFound, text: ErrUnusable, dir: ErrUnusable,
	} {
		if _, err := Find(Options{Explicit: path}); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", path, err, want)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(dir, "cut")
	if err := os.WriteFile(cut, whole[:len(whole)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := check(cut); !errors.Is(err, ErrUnusable) {
		t.Errorf("half a binary: %v", err)
	}
}

func gz(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestUnpackTo: the file gets its name only when it is complete and has the right hash.
func TestUnpackTo(t *testing.T) {
	data := bytes.Repeat([]byte("library "), 10000)
	sum := sha256.Sum256(data)
	path := filepath.Join(t.TempDir(), "runtime", "x", "lib.so")
	if err := unpackTo(path, gz(t, data), "00"); err == nil {
		t.Error("a wrong hash is taken")
	}
	if err := unpackTo(path, gz(t, data)[:100], hex.EncodeToString(sum[:])); err == nil {
		t.Error("a truncated package is taken")
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 0 {
		t.Errorf("failures left %v, %v", left, err)
	}
	if err := unpackTo(path, gz(t, data), hex.EncodeToString(sum[:])); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, data) {
		t.Errorf("unpacked %d bytes, %v", len(got), err)
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}
