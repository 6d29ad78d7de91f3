// Package digest computes and verifies the SHA-256 digests of files. It must not know what is in them.
package digest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/imgsearch/imgsearch/internal/atomicfile"
	"github.com/imgsearch/imgsearch/internal/machine"
	"github.com/imgsearch/imgsearch/internal/regular"
)

// ErrDiffers means that a file has not the digest that it must have.
var ErrDiffers = errors.New("the file's SHA-256 is wrong")

// File returns the SHA-256 of a regular file in lower-case hex. Links are followed.
func File(path string) (string, error) {
	f, err := regular.Open(path, regular.FollowLinks)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Verify returns ErrDiffers if a file's SHA-256 is not sum.
func Verify(path, sum string) error {
	got, err := File(path)
	if err == nil && got != sum {
		err = &fs.PathError{Op: "verify", Path: path, Err: ErrDiffers}
	}
	return err
}

// noteOf returns the path of the note that VerifyOnce writes next to a file.
func noteOf(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".verified")
}

// Forget makes VerifyOnce read a file again.
func Forget(path string) { os.Remove(noteOf(path)) }

// VerifyOnce is Verify for files that are needed at every start: it reads the contents only if the file has changed or the machine was started
// since they were last verified. Its note next to the file has the same protection as the file: use it only in folders that nobody else
// can write to.
func VerifyOnce(path, sum string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	boot := machine.Boot()
	note := fmt.Sprintf("%s %d %d %s\n", sum, info.Size(), info.ModTime().UnixNano(), boot)
	const longest = 1 << 10
	if known, err := regular.Read(noteOf(path), regular.NoLinks, longest); err == nil && string(known) == note && boot != "" {
		return nil
	}
	if err := Verify(path, sum); err != nil {
		return err
	}
	if boot != "" && !strings.ContainsAny(boot, " \n") {
		_ = atomicfile.Write(noteOf(path), []byte(note)) // if it cannot be written, the file is verified again next time
	}
	return nil
}
