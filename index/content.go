package index

import (
	"context"
	"encoding/binary"
	"os"
	"path"
	"path/filepath"

	"github.com/x448/float16"

	"github.com/imgsearch/imgsearch/index/sqlite"
)

// FindContent finds the picture that the index knows at an absolute path; ok is false where it knows none. The file need
// not be there any more.
func FindContent(ctx context.Context, store *sqlite.Store, file string) (id int64, ok bool, err error) {
	roots, err := store.Roots(ctx)
	if err != nil {
		return 0, false, err
	}
	f, ok, err := fileAt(ctx, store, roots, 0, file)
	return f.ContentID, ok, err
}

// fileAt looks a path up in every root that it may lie in, as it was given and where links lead.
func fileAt(ctx context.Context, store *sqlite.Store, roots []sqlite.Root, modelID int64, file string) (sqlite.File, bool, error) {
	names := []string{file}
	if target, err := filepath.EvalSymlinks(file); err == nil && target != file {
		names = append(names, target)
	}
	for _, name := range names {
		for _, r := range roots {
			rel, inside := relative(r.Path, name)
			if !inside || rel == "" {
				continue
			}
			dir := path.Dir(rel)
			if dir == "." {
				dir = ""
			}
			f, ok, err := store.FileAt(ctx, sqlite.Place{RootID: r.ID, Dir: dir, Name: path.Base(rel)}, modelID)
			if err != nil || ok {
				return f, ok, err
			}
		}
	}
	return sqlite.File{}, false, nil
}

// ContentVector returns a picture's L2-normalised vector of a model; nil where it has none.
func ContentVector(ctx context.Context, store *sqlite.Store, m sqlite.Model, id int64) ([]float32, error) {
	raw, ok, err := store.ContentVector(ctx, m.ID, id)
	if err != nil || !ok || len(raw) != 2*m.Dim {
		return nil, err
	}
	v := make([]float32, m.Dim)
	for i := range v {
		v[i] = float16.Frombits(binary.LittleEndian.Uint16(raw[2*i:])).Float32()
	}
	return v, nil
}

// FindUnchanged finds a file's picture if the file looks as it did when it was indexed, and the picture has a vector of the
// model.
func FindUnchanged(ctx context.Context, store *sqlite.Store, m sqlite.Model, file string, info os.FileInfo) (id int64, ok bool, err error) {
	roots, err := store.Roots(ctx)
	if err != nil {
		return 0, false, err
	}
	f, ok, err := fileAt(ctx, store, roots, m.ID, file)
	if err != nil || !ok || !f.Embedded || !sameStat(f.Stat, sqlite.Stat{Size: info.Size(), MTimeNS: info.ModTime().UnixNano()}) {
		return 0, false, err
	}
	return f.ContentID, true, nil
}
