package search

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/embed/thumbnail"
	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/internal/terminal"
	"github.com/imgsearch/imgsearch/internal/words"
)

// choosePreview chooses the protocol for thumbnails: the given one, else the terminal's, or none without a terminal.
func (s *search) choosePreview() error {
	s.draw = terminal.None
	switch {
	case s.preview == "" || s.preview == string(terminal.None) || s.page == stdout:
		return nil
	case s.format != "table":
		return cli.Usage("thumbnails are printed only with --format table", "--preview and --format %s cannot be combined", s.format)
	case s.preview == "auto":
		if s.p.OutEscapes {
			s.draw = terminal.Detect(os.Getenv)
		}
		return nil
	case slices.Contains(terminal.Protocols, terminal.Protocol(s.preview)):
		s.draw = terminal.Protocol(s.preview)
		return nil
	}
	return cli.Usage("use auto, kitty, iterm2, sixel, blocks or none", "invalid value for --preview: %q", s.preview)
}

func (s *session) screen() terminal.Screen {
	return terminal.Screen{
		Protocol: s.draw, Columns: s.p.OutSize.Columns, Rows: s.p.OutSize.Rows, CellWidth: s.p.OutSize.CellWidth, CellHeight: s.p.OutSize.CellHeight,
		TrueColor: terminal.HasTrueColor(os.Getenv),
	}
}

// tiles returns the tiles of the hits for --preview: each picture with its rank and file name.
func (s *session) tiles(ctx context.Context, hits []query.Hit) ([]terminal.Tile, error) {
	if s.draw == terminal.None {
		return nil, nil
	}
	tiles := make([]terminal.Tile, len(hits))
	for i, h := range hits {
		tiles[i].Caption = fmt.Sprintf("%d  %s", i+1+s.offset, words.Path(filepath.Base(h.Path)))
	}
	width, height := s.screen().Box()
	box := thumbnail.Box{Width: width, Height: height}
	err := s.eachThumbnail(ctx, hits, func(i int, h query.Hit) error {
		img, err := s.thumbnail(ctx, h, box)
		tiles[i].Image = img
		return err
	})
	return tiles, err
}

// drawTiles draws the grid above the table.
func (s *session) drawTiles(w io.Writer, tiles []terminal.Tile) error {
	if len(tiles) == 0 {
		return nil
	}
	if err := s.screen().Draw(w, tiles); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w)
	return err
}
