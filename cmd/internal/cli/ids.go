package cli

import (
	"context"

	"github.com/imgsearch/imgsearch/index/store"
)

// FindID finds the picture of the index whose id begins with a prefix; ok is false of a text that is no beginning of an id. The error
// says what is wrong behind a flag's name, as "--like: ".
func FindID(ctx context.Context, ix store.Catalog, flag, prefix string) (id store.PictureID, ok bool, err error) {
	low, high, err := store.ParsePrefix(prefix)
	if err != nil {
		return id, false, nil //nolint:nilerr // it is something else
	}
	ids, err := ix.FindPictures(ctx, low, high, 2)
	switch {
	case err != nil:
		return id, true, err
	case len(ids) == 0:
		return id, true, Usage("`imgsearch search --json` and `imgsearch show FILE` print ids", "%sno picture has an id that begins with %s", flag, prefix)
	case len(ids) > 1:
		return id, true, Usage("give more of it", "%sseveral pictures have ids that begin with %s", flag, prefix)
	}
	return ids[0], true, nil
}
