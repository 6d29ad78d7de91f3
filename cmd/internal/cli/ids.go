package cli

import (
	"context"
	"errors"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/ask"
)

// FindID finds the picture whose id begins with a prefix; ok is false if the text is not a prefix of an id. Error messages begin with
// flag, for example "--like: ".
func FindID(ctx context.Context, ix store.Catalog, flag, prefix string) (id store.PictureID, ok bool, err error) {
	id, err = ask.FindID(ctx, ix, prefix)
	switch {
	case errors.Is(err, store.ErrPrefix):
		return id, false, nil
	case errors.Is(err, ask.ErrNoPicture):
		return id, true, Usage("`imgsearch search --json` and `imgsearch show FILE` print ids", "%s%w", flag, err)
	case errors.Is(err, ask.ErrSeveral):
		return id, true, Usage("use more digits of the id", "%s%w", flag, err)
	}
	return id, true, err
}
