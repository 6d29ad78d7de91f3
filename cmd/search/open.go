package search

import (
	"fmt"
	"path/filepath"

	"github.com/cli/browser"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/internal/gallery"
	"github.com/imgsearch/imgsearch/internal/words"
	"github.com/imgsearch/imgsearch/scan"
)

// maxOpened is the greatest number of files that --open opens.
const maxOpened = 10

// checkOpen rejects options that cannot be combined with --open.
func (o *options) checkOpen() error {
	if o.view && o.queries != "" {
		return cli.Usage("--open applies to a single query", "--queries and --open cannot be combined")
	}
	return nil
}

// openHits opens the page, or the best hits if there is no page, in the system's viewer.
func (s *session) openHits(hits []query.Hit) error {
	if !s.view || s.page == stdout {
		return nil
	}
	var files []string
	if s.page != "" {
		files = []string{s.page}
	} else {
		for _, h := range hits {
			switch {
			case h.Missing || len(files) == maxOpened:
			case !scan.ClaimsPicture(filepath.Base(h.Path)) && !scan.ClaimsRaw(filepath.Base(h.Path)):
				// The system chooses the program by the name: it would execute a picture called party.bat.
				s.p.Warnf("%s is not opened: its name is not that of a photo", words.Path(h.Path))
			default:
				files = append(files, h.Path)
			}
		}
		if len(hits) > maxOpened && len(files) > 0 {
			s.p.Notef("opening %d of %d photos; use --html FILE --open to see all in one page", len(files), len(hits))
		}
	}
	browser.Stdout, browser.Stderr = s.p.Err, s.p.Err // only results go to Out
	for _, file := range files {
		abs, err := filepath.Abs(file)
		if err != nil {
			return err
		}
		if err := browser.OpenURL(gallery.FileURL(abs)); err != nil {
			return &cli.Error{Code: words.Failed, Err: fmt.Errorf("open %s: %w", words.Path(file), err), Hint: "on Linux, install xdg-utils to open files: sudo apt install xdg-utils"}
		}
	}
	return nil
}
