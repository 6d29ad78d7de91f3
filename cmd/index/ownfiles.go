package index

import (
	"path/filepath"
	"slices"
	"strings"
)

// ownFiles are the files of an index. --watch ignores changes to them, since this program makes them.
type ownFiles struct{ dir, name string }

func newOwnFiles(index string) ownFiles {
	return ownFiles{realDir(filepath.Dir(index)), filepath.Base(index)}
}

// realDir returns a folder with links resolved, or unchanged if that fails.
func realDir(dir string) string {
	if target, err := filepath.EvalSymlinks(dir); err == nil {
		return target
	}
	return dir
}

// has reports whether a path is one of them.
func (o ownFiles) has(path string) bool {
	dir, name := realDir(filepath.Dir(path)), filepath.Base(path)
	for _, folder := range []string{strings.TrimSuffix(o.name, ".db") + ".vectors", o.name + ".cache"} {
		full := filepath.Join(o.dir, folder)
		if rel, err := filepath.Rel(full, filepath.Join(dir, name)); err == nil && filepath.IsLocal(rel) {
			return true
		}
	}
	rest, ok := strings.CutPrefix(name, o.name)
	return ok && dir == o.dir && slices.Contains([]string{"", "-wal", "-shm", "-journal", ".lock", ".inflight", ".inflight.text"}, rest)
}
