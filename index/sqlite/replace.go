package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/atomicfile"
	"github.com/imgsearch/imgsearch/internal/regular"
)

// replacementSuffix names a complete index that is about to replace the one at a path. As soon as it has this name, the replacement is
// decided: if the process dies, whoever opens the index next completes it (completePending).
//
// An index is more than one file: SQLite would replay the write-ahead log of the old index onto the new one. So the log must be removed
// before the new file gets its name, and both cannot happen at once.
const replacementSuffix = ".replacement"

// sideFiles are the suffixes of the files that SQLite keeps next to a database.
var sideFiles = []string{"-wal", "-shm", "-journal"}

// replace puts the complete index at fresh in the place of the one at path. The old one is kept under the name kept, unless that is "".
// The caller holds the lock of the index at path, or nobody uses it. After an error the old index is in place, or the next one that takes
// the lock completes the replacement.
func replace(path, fresh, kept string) error {
	if err := atomicfile.Sync(fresh); err != nil { // before keep: what is kept is a second name of the index until the replacement is decided
		return err
	}
	dropKept(path)
	if kept != "" {
		if err := keep(path, kept); err != nil {
			removeKept(kept)
			return err
		}
	}
	if err := os.Rename(fresh, path+replacementSuffix); err != nil {
		removeKept(kept)
		return err
	}
	undoable, err := complete(path)
	if err != nil && undoable {
		os.Remove(path + replacementSuffix)
		removeKept(kept)
	}
	return err
}

// complete gives a replacement its name. After an error, undoable reports that the old index is still whole. On Windows another process
// that has it open prevents the change.
func complete(path string) (undoable bool, err error) {
	undoable = true
	for _, suffix := range sideFiles {
		switch err := os.Remove(path + suffix); {
		case err == nil:
			undoable = undoable && suffix == "-shm"
		case !errors.Is(err, fs.ErrNotExist):
			return undoable, err
		}
	}
	return undoable, os.Rename(path+replacementSuffix, path)
}

func removeKept(kept string) {
	if kept != "" {
		os.Remove(kept + "-wal")
		os.Remove(kept)
	}
}

// dropKept removes the second names of the index at path that a killed repair or restore has left. They must not stay: their logs would be
// applied to the index that they share.
func dropKept(path string) {
	for _, infix := range []string{damagedInfix, restoreInfix} {
		found, err := filepath.Glob(escapeGlob(path+infix) + "*")
		if err != nil {
			continue
		}
		for _, name := range found {
			info, err := os.Lstat(name)
			if err == nil && info.Mode().IsRegular() && !strings.HasSuffix(name, "-wal") && same(path, name) {
				removeKept(name)
			}
		}
	}
}

// refuseSideFiles returns store.ErrNotReplaced if a file that is not SQLite's has the name of a file that replacing the index at path
// removes or overwrites.
func refuseSideFiles(path string) error {
	magic := map[string]string{"-wal": "\x37\x7f\x06", "-journal": "\xd9\xd5\x05\xf9"} // https://sqlite.org/fileformat.html
	for _, suffix := range sideFiles {
		info, err := os.Lstat(path + suffix)
		if errors.Is(err, fs.ErrNotExist) || err == nil && info.Mode().IsRegular() && (info.Size() == 0 || suffix == "-shm" && isSharedMemory(info.Size())) {
			continue
		}
		head := make([]byte, len(magic[suffix]))
		if f, err := regular.Open(path+suffix, regular.NoLinks); err == nil {
			_, err = io.ReadFull(f, head)
			f.Close()
			if err == nil && len(head) > 0 && string(head) == magic[suffix] {
				continue
			}
		}
		return fmt.Errorf("%q: %w", path+suffix, store.ErrNotReplaced)
	}
	if _, err := os.Lstat(path + replacementSuffix); err == nil && !isPending(path) {
		return fmt.Errorf("%q: %w", path+replacementSuffix, store.ErrNotReplaced)
	}
	return nil
}

// isSharedMemory reports whether SQLite's shared memory may have a size. It begins with 3 bytes and grows by pages; a killed process leaves any
// stage (os_unix.c, unixLockSharedMemory and unixShmMap).
func isSharedMemory(size int64) bool {
	const first, page = 3, 4096
	return size == first || size%page == 0
}

// completePending completes a replacement that a killed process has left, unless another process holds the lock.
func completePending(path string) {
	if !isPending(path) {
		return
	}
	if l, err := tryLock(path); err == nil { // it completes it
		_ = l.Unlock() // it only closes the file
	}
}

// isPending reports whether there is a replacement for the index at path.
func isPending(path string) bool {
	info, err := os.Lstat(path + replacementSuffix)
	return err == nil && info.Mode().IsRegular() && isIndex(path+replacementSuffix)
}

// isIndex reports whether a file's header is that of an index (https://sqlite.org/fileformat.html, "The Database Header").
func isIndex(path string) bool {
	const magic, idOffset = "SQLite format 3\x00", 68
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	header := make([]byte, 100)
	if _, err := io.ReadFull(f, header); err != nil {
		return false
	}
	id := header[idOffset:]
	return strings.HasPrefix(string(header), magic) && int(id[0])<<24|int(id[1])<<16|int(id[2])<<8|int(id[3]) == applicationID
}

// keep gives the index at path, with its log, a second name.
func keep(path, kept string) error {
	for _, suffix := range []string{"-wal", ""} { // the file itself last: without its log it would be an older state
		if suffix != "" && emptyWAL(path) {
			continue
		}
		err := os.Link(path+suffix, kept+suffix)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil { // the file system has no links
			err = copyFile(path+suffix, kept+suffix)
		}
		if err != nil {
			return fmt.Errorf("keep the old index: %w", err)
		}
	}
	return nil
}

func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	f, err := atomicfile.Create(to, atomicfile.Options{Durable: true})
	if err != nil {
		return err
	}
	defer f.Abort()
	if _, err := io.Copy(f, source); err != nil {
		return err
	}
	return f.Commit()
}

// Names of what a repair keeps and makes.
const (
	damagedInfix  = ".damaged-"
	restoreInfix  = ".before-restore-"
	repairPattern = ".imgsearch-repair-*.db"
)

// rescue returns the newest file from which an index that does not exist can be restored; "" if there is none. An earlier version that
// was killed while it repaired the index left the damaged file and the repaired one.
func rescue(path string) string {
	before, after, _ := strings.Cut(repairPattern, "*")
	dir := filepath.Dir(path)
	for _, pattern := range []string{escapeGlob(filepath.Join(dir, before)) + "*" + after, escapeGlob(path+damagedInfix) + "*"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			continue
		}
		found = slices.DeleteFunc(found, func(name string) bool { return !isIndex(name) })
		if len(found) > 0 {
			return found[len(found)-1] // names end with their time
		}
	}
	return ""
}

// escapeGlob escapes the characters of a path that mean something in a pattern of filepath.Match.
func escapeGlob(path string) string {
	if filepath.Separator == '\\' {
		return path // \ escapes nothing on Windows, and * and ? cannot occur
	}
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// Restore replaces the index at path with a copy of the index at from, and keeps the old index under another name; kept is "" if there
// was none. It checks all of from first: store.ErrDamaged, store.ErrNewer and store.ErrNotIndex leave the index as it is. If path is
// another file, it returns store.ErrNotReplaced.
func Restore(ctx context.Context, from, path string) (kept string, err error) {
	if err := Check(from); err != nil {
		return "", fmt.Errorf("open index %q: %w", from, err)
	}
	if same(from, path) {
		return "", fmt.Errorf("%q: %w", path, store.ErrItself)
	}
	source, err := openForReading(ctx, from)
	if err != nil {
		return "", err
	}
	defer source.Close()
	if err := source.checkSchema(ctx); err != nil && !errors.Is(err, errOld) {
		return "", fmt.Errorf("open index %q: %w", from, err)
	}
	if err := source.verify(ctx); err != nil {
		return "", fmt.Errorf("open index %q: %w", from, err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	if err := refuseOther(ctx, path); err != nil {
		return "", err
	}
	l, err := tryLock(path)
	if err != nil {
		return "", err
	}
	defer l.Unlock() //nolint:errcheck // it only closes the file
	fresh, err := source.copyVerified(ctx, filepath.Dir(path), ".imgsearch-restore-*")
	if err != nil {
		return "", err
	}
	defer os.Remove(fresh)
	if _, err := os.Lstat(path); err == nil {
		kept = numbered(path + restoreInfix)
	}
	if err := replace(path, fresh, kept); err != nil {
		return "", err
	}
	return kept, checkPlaced(ctx, path)
}

// refuseOther returns store.ErrNotReplaced unless there is an index at path, possibly a damaged one, or nothing.
func refuseOther(ctx context.Context, path string) error {
	if info, err := os.Stat(path); err == nil && info.Size() > 0 && !isIndex(path) {
		s, err := openForReading(ctx, path) // the header may be in the log
		if err == nil {
			err = s.checkSchema(ctx)
			s.Close()
		}
		if err != nil && !errors.Is(err, errOld) && !errors.Is(err, store.ErrNewer) {
			return fmt.Errorf("%q: %w", path, store.ErrNotReplaced)
		}
	}
	return refuseSideFiles(path)
}

func same(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}
