package cmd

import (
	"context"
	"io"
	"os"
	"slices"
	"sync"

	"github.com/imgsearch/imgsearch/embed/thumbnail"
	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/internal/terminal"
)

// checkPreview decides how thumbnails are drawn: as asked, or as the terminal can; where nobody looks, not at all.
func (o *searchOptions) checkPreview() error {
	o.draw = terminal.None
	switch {
	case o.preview == "" || o.preview == string(terminal.None):
		return nil
	case o.format != "table":
		return usageError("thumbnails belong to the table", "--preview with --format %s", o.format)
	case o.preview == "auto":
		if o.app.streams.OutEscapes {
			o.draw = terminal.Detect(os.Getenv)
		}
		return nil
	case slices.Contains(terminal.Protocols, terminal.Protocol(o.preview)):
		o.draw = terminal.Protocol(o.preview)
		return nil
	}
	return usageError("give auto, kitty, iterm2, sixel, blocks or none", "--preview %q", o.preview)
}

// drawn makes the thumbnails of hits.
func (s *session) drawn(ctx context.Context, hits []query.Hit) (map[int]thumbnail.Image, error) {
	if s.draw == terminal.None {
		return nil, nil //nolint:nilnil // none, and no error
	}
	width, height := s.draw.Pixels()
	if columns := s.app.streams.OutColumns - len(previewIndent); columns > 0 && columns < terminal.Columns {
		width = max(width*columns/terminal.Columns, 1)
	}
	var mu sync.Mutex
	images := make(map[int]thumbnail.Image, len(hits))
	box := thumbnail.Box{Width: width, Height: height}
	err := s.eachThumbnail(ctx, hits, func(i int, h query.Hit) error {
		img, err := s.thumbnail(ctx, h, box)
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		images[i+1+s.offset] = img
		return nil
	})
	return images, err
}

// previewIndent puts thumbnails below the scores.
const previewIndent = "     "

func (s *session) drawHit(w io.Writer, img thumbnail.Image) error {
	return s.draw.Draw(w, img, previewIndent, terminal.HasTrueColor(os.Getenv))
}
