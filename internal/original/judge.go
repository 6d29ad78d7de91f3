package original

import (
	"context"

	"github.com/imgsearch/imgsearch/index/dupes"
)

// Judge is a dupes.Judge that reads the files.
type Judge struct{}

// Files orders files that contain the same picture.
func (Judge) Files(paths []string) { SortFiles(paths) }

// Pictures orders nearly equal pictures. It compares at most MaxCompared of them.
func (Judge) Pictures(ctx context.Context, alike []dupes.Dupe) error {
	files := make([]File, len(alike))
	for i, d := range alike {
		files[i] = File{d.Path, d.RawTwin}
	}
	ranked, err := Rank(ctx, files)
	if err != nil {
		return err
	}
	sorted := make([]dupes.Dupe, 0, len(alike))
	for _, r := range ranked {
		d := alike[r.Index]
		d.Sharpness = r.Sharpness
		sorted = append(sorted, d)
	}
	copy(alike, sorted)
	return nil
}
