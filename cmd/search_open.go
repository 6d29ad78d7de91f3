package cmd

import (
	"fmt"
	"path/filepath"

	"github.com/cli/browser"

	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/internal/gallery"
)

// maxOpened bounds the windows that --open makes.
const maxOpened = 10

// checkOpen refuses what does not go with --open.
func (o *searchOptions) checkOpen() error {
	if o.view && o.queries != "" {
		return usageError("they belong to a single query", "--queries with --open")
	}
	return nil
}

// openHits shows the page, or without one the best hits, in what the system opens such files with.
func (s *session) openHits(hits []query.Hit) error {
	if !s.view {
		return nil
	}
	var files []string
	if s.html != "" {
		files = []string{s.html}
	} else {
		for _, h := range hits {
			if !h.Missing && len(files) < maxOpened {
				files = append(files, h.Path)
			}
		}
		if len(hits) > maxOpened {
			s.app.notef("opening the first %d of %d photos; --html FILE --open shows all in one page", maxOpened, len(hits))
		}
	}
	browser.Stdout, browser.Stderr = s.app.streams.Err, s.app.streams.Err // results only go to Out
	for _, file := range files {
		abs, err := filepath.Abs(file)
		if err != nil {
			return err
		}
		if err := browser.OpenURL(gallery.FileURL(abs)); err != nil {
			return &codedError{code: exitFailed, err: fmt.Errorf("open %s: %w", escapePath(file), err), hint: "on Linux, xdg-utils opens files: sudo apt install xdg-utils"}
		}
	}
	return nil
}
