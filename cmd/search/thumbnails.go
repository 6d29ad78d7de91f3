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

// eachThumbnail calls shrink for the hits, in parallel. Pictures that fail are omitted.
func (s *session) eachThumbnail(ctx context.Context, hits []query.Hit, shrink func(i int, h query.Hit) error) error {
	if err := s.open(ctx); err != nil {
		return err
	}
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

// preview returns the small JPEG of a picture in the index; ok is false if there is none.
func (s *session) preview(ctx context.Context, id store.PictureID) (jpeg []byte, ok bool, err error) {
	previews, err := s.ix.Previews(ctx, []store.PictureID{id})
	jpeg, ok = previews[id]
	return jpeg, ok, err
}

// thumbnail returns a small picture of a hit. It uses the preview in the index if that is large enough, which is faster than the
// file, or if the file is missing.
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
