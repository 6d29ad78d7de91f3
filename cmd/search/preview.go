package search

import (
	"context"
	"io"
	"os"
	"slices"
	"sync"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/embed/thumbnail"
	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/internal/terminal"
)

// choosePreview decides how thumbnails are drawn: as asked, or as the terminal can; where nobody looks, not at all.
func (s *search) choosePreview() error {
	s.draw = terminal.None
	switch {
	case s.preview == "" || s.preview == string(terminal.None) || s.page == stdout:
		return nil
	case s.format != "table":
		return cli.Usage("thumbnails belong to the table", "--preview with --format %s", s.format)
	case s.preview == "auto":
		if s.p.OutEscapes {
			s.draw = terminal.Detect(os.Getenv)
		}
		return nil
	case slices.Contains(terminal.Protocols, terminal.Protocol(s.preview)):
		s.draw = terminal.Protocol(s.preview)
		return nil
	}
	return cli.Usage("give auto, kitty, iterm2, sixel, blocks or none", "--preview %q", s.preview)
}

// drawn makes the thumbnails of hits.
func (s *session) drawn(ctx context.Context, hits []query.Hit) (map[int]thumbnail.Image, error) {
	if s.draw == terminal.None {
		return nil, nil //nolint:nilnil // none, and no error
	}
	width, height := s.draw.Pixels()
	if columns := s.p.OutColumns - len(previewIndent); columns > 0 && columns < terminal.Columns {
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
