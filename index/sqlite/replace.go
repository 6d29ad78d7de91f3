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
// The caller holds the lock of the index at path, or nobody uses it.
func replace(path, fresh, kept string) error {
	if kept != "" {
		if err := keep(path, kept); err != nil {
			return err
		}
	}
	if err := atomicfile.Put(fresh, path+replacementSuffix); err != nil {
		return err
	}
	return complete(path)
}

// complete gives a replacement its name.
func complete(path string) error {
	for _, suffix := range sideFiles {
		if err := os.Remove(path + suffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return os.Rename(path+replacementSuffix, path)
}

// completePending completes a replacement that a killed process has left, unless another process is doing so.
func completePending(path string) {
	if info, err := os.Lstat(path + replacementSuffix); err != nil || !info.Mode().IsRegular() {
		return
	}
	l, err := tryLock(path)
	if err != nil {
		return
	}
	defer l.Unlock() //nolint:errcheck // it only closes the file
	if isIndex(path + replacementSuffix) {
		_ = complete(path) // the next one tries again
	}
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
	if err := refuseForeign(ctx, path); errors.Is(err, store.ErrNotIndex) && !isIndex(path) { // the header may be in the log
		return "", fmt.Errorf("%q: %w", path, store.ErrNotReplaced)
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
		kept = numbered(path + ".before-restore-")
	}
	return kept, replace(path, fresh, kept)
}

func same(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}
