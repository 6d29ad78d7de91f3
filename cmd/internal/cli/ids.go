package cli

import (
	"context"

	"github.com/imgsearch/imgsearch/index/store"
)

// FindID finds the picture whose id begins with a prefix; ok is false if the text is not a prefix of an id. Error messages begin with
// flag, for example "--like: ".
func FindID(ctx context.Context, ix store.Catalog, flag, prefix string) (id store.PictureID, ok bool, err error) {
	low, high, err := store.ParsePrefix(prefix)
	if err != nil {
		return id, false, nil //nolint:nilerr // not a prefix of an id
	}
	ids, err := ix.FindPictures(ctx, low, high, 2)
	switch {
	case err != nil:
		return id, true, err
	case len(ids) == 0:
		return id, true, Usage("`imgsearch search --json` and `imgsearch show FILE` print ids", "%sno picture has an id that begins with %s", flag, prefix)
	case len(ids) > 1:
		return id, true, Usage("use more digits of the id", "%sseveral pictures have ids that begin with %s", flag, prefix)
	}
	return ids[0], true, nil
}
