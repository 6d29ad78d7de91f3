package ask

import (
	"context"
	"errors"
	"fmt"

	"github.com/imgsearch/imgsearch/index/store"
)

var (
	// ErrNoPicture means that the index has no picture with an id.
	ErrNoPicture = errors.New("no picture has an id that begins with")
	// ErrSeveral means that several pictures have ids with the same beginning.
	ErrSeveral = errors.New("several pictures have ids that begin with")
)

// FindID finds the picture whose id begins with a prefix. If the text is no such prefix, the error is store.ErrPrefix; others are ErrNoPicture and ErrSeveral.
func FindID(ctx context.Context, ix store.Catalog, prefix string) (id store.PictureID, err error) {
	low, high, err := store.ParsePrefix(prefix)
	if err != nil {
		return id, err
	}
	ids, err := ix.FindPictures(ctx, low, high, 2)
	switch {
	case err != nil:
		return id, err
	case len(ids) == 0:
		return id, fmt.Errorf("%w %s", ErrNoPicture, prefix)
	case len(ids) > 1:
		return id, fmt.Errorf("%w %s", ErrSeveral, prefix)
	}
	return ids[0], nil
}
