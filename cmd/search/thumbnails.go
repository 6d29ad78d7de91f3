package search

import (
	"bytes"
	"context"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/imgsearch/imgsearch/embed/thumbnail"
	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/words"
)

// eachThumbnail calls shrink for the hits, several at once. A picture that cannot be made is left out.
func (s *session) eachThumbnail(ctx context.Context, hits []query.Hit, shrink func(i int, h query.Hit) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.NumCPU())
	for i, h := range hits {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := shrink(i, h); err != nil {
				s.p.Logf("no thumbnail of %s: %v", words.Path(h.Path), err)
			}
			return nil
		})
	}
	return g.Wait()
}

// preview is the small JPEG that the index keeps of a picture; ok is false where it keeps none.
func (s *session) preview(ctx context.Context, id store.PictureID) (jpeg []byte, ok bool, err error) {
	previews, err := s.ix.Previews(ctx, []store.PictureID{id})
	jpeg, ok = previews[id]
	return jpeg, ok, err
}

// thumbnail makes a small picture of a hit. The preview that the index keeps, where it is large enough, is quicker than the file,
// and is there when the file is not.
func (s *session) thumbnail(ctx context.Context, h query.Hit, box thumbnail.Box) (thumbnail.Image, error) {
	preview, ok, err := s.preview(ctx, h.ID)
	if err != nil {
		return nil, err
	}
	if ok && (box.Fits(thumbnail.Side) || h.Missing) {
		return thumbnail.Read(bytes.NewReader(preview), int64(len(preview)), box)
	}
	return thumbnail.Open(h.Path, box)
}
