package index

import (
	"path/filepath"
	"slices"
	"strings"
)

// ownFiles are the files that an index is made of: what changes them is ourselves.
type ownFiles struct{ dir, name string }

func newOwnFiles(index string) ownFiles {
	return ownFiles{realDir(filepath.Dir(index)), filepath.Base(index)}
}

// realDir is a folder without links on the way, where that can be told.
func realDir(dir string) string {
	if target, err := filepath.EvalSymlinks(dir); err == nil {
		return target
	}
	return dir
}

// has tells whether a path is one of them.
func (o ownFiles) has(path string) bool {
	dir, name := realDir(filepath.Dir(path)), filepath.Base(path)
	for _, folder := range []string{strings.TrimSuffix(o.name, ".db") + ".vectors", o.name + ".cache"} {
		full := filepath.Join(o.dir, folder)
		if rel, err := filepath.Rel(full, filepath.Join(dir, name)); err == nil && filepath.IsLocal(rel) {
			return true
		}
	}
	rest, ok := strings.CutPrefix(name, o.name)
	return ok && dir == o.dir && slices.Contains([]string{"", "-wal", "-shm", "-journal", ".lock", ".inflight"}, rest)
}
