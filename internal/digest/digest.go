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

	"github.com/imgsearch/imgsearch/internal/atomicfile"
	"github.com/imgsearch/imgsearch/internal/machine"
	"github.com/imgsearch/imgsearch/internal/regular"
)

// ErrDiffers means that a file does not have the expected digest.
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

// notesOf returns the paths at which the note that a file was verified may be: beside the file, or in one of the folders.
func notesOf(path string, dirs []string) []string {
	notes := []string{filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".verified")}
	name := sha256.Sum256([]byte(path))
	for _, dir := range dirs {
		notes = append(notes, filepath.Join(dir, "verified", hex.EncodeToString(name[:16])))
	}
	return notes
}

// Forget makes VerifyOnce read a file again.
func Forget(path string, dirs []string) {
	for _, note := range notesOf(path, dirs) {
		os.Remove(note)
	}
}

// VerifyOnce is Verify for files that are needed at every start: it reads the contents only if the file has changed, or the machine was started,
// since they were last verified. The note of that lies beside the file, or in the first of the folders that can be written: use it only in
// folders that nobody else can write to. Where the system does not name its boots, it always reads the contents.
func VerifyOnce(path, sum string, dirs []string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	boot := machine.Boot()
	text := fmt.Sprintf("%s %d %d %s\n", sum, info.Size(), info.ModTime().UnixNano(), boot)
	const longest = 1 << 10
	notes := notesOf(path, dirs)
	for _, note := range notes {
		if known, err := regular.Read(note, regular.NoLinks, longest); err == nil && string(known) == text && boot != "" {
			return nil
		}
	}
	if err := Verify(path, sum); err != nil {
		return err
	}
	for _, note := range notes {
		if boot == "" || atomicfile.Write(note, []byte(text)) == nil {
			break // if none can be written, the file is verified again next time
		}
	}
	return nil
}
