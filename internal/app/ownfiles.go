package app

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/imgsearch/imgsearch/index/sqlite/jobqueue"
)

// OwnFiles are the files of an index. Whoever watches for changes ignores them, since this program makes them.
type OwnFiles struct{ dir, name string }

// OwnFiles returns the files of the index.
func (i Index) OwnFiles() OwnFiles {
	return OwnFiles{realDir(filepath.Dir(i.Base())), filepath.Base(i.Base())}
}

// realDir returns a folder with links resolved, or unchanged if that fails.
func realDir(dir string) string {
	if target, err := filepath.EvalSymlinks(dir); err == nil {
		return target
	}
	return dir
}

// Has reports whether a path is one of them.
func (o OwnFiles) Has(path string) bool {
	dir, name := realDir(filepath.Dir(path)), filepath.Base(path)
	for _, folder := range []string{strings.TrimSuffix(o.name, ".db") + ".vectors", o.name + ".cache"} {
		full := filepath.Join(o.dir, folder)
		if rel, err := filepath.Rel(full, filepath.Join(dir, name)); err == nil && filepath.IsLocal(rel) {
			return true
		}
	}
	if dir != o.dir {
		return false
	}
	for _, suffix := range []string{"", "-wal", "-shm", "-journal", ".lock", ".inflight", ".inflight.text", ".sock"} {
		if name == o.name+suffix {
			return true
		}
	}
	if strings.HasPrefix(name, o.name+".worker-") {
		return true
	}
	jobs := filepath.Base(jobqueue.Path(o.name))
	return slices.ContainsFunc(jobqueue.Suffixes, func(suffix string) bool { return name == jobs+suffix })
}
