package cmd

import (
	"bytes"
	"context"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/imgsearch/imgsearch/embed/thumbnail"
	"github.com/imgsearch/imgsearch/index"
)

// thumbnails makes small pictures of the hits that are wanted, several at once, and gives each to use with the hit's number; a
// picture that cannot be made is left out.
func (s *session) thumbnails(ctx context.Context, hits []index.Hit, wanted func(i int) bool, box thumbnail.Box, use func(i int, img thumbnail.Image) error) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.NumCPU())
	for i, h := range hits {
		if !wanted(i) {
			continue
		}
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			img, err := s.thumbnail(ctx, h, box)
			if err != nil {
				s.app.logf("no thumbnail of %s: %v", escapePath(h.Path), err)
				return nil
			}
			return use(i, img)
		})
	}
	return g.Wait()
}

// thumbnail makes a small picture of a hit. The preview that the index keeps, where it is large enough, is quicker than the file,
// and is there when the file is not.
func (s *session) thumbnail(ctx context.Context, h index.Hit, box thumbnail.Box) (thumbnail.Image, error) {
	preview, ok, err := s.store.Preview(ctx, h.ContentID)
	if err != nil {
		return nil, err
	}
	if ok && (box.Fits(thumbnail.Side) || h.Missing) {
		return thumbnail.Read(bytes.NewReader(preview), int64(len(preview)), box)
	}
	return thumbnail.Open(h.Path, box)
}
