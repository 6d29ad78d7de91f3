package search

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/embed/thumbnail"
	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/internal/atomicfile"
	"github.com/imgsearch/imgsearch/internal/english"
	"github.com/imgsearch/imgsearch/internal/fserr"
	"github.com/imgsearch/imgsearch/internal/gallery"
	"github.com/imgsearch/imgsearch/internal/words"
)

// galleryBox is the size of a page's thumbnails: rows of 13rem, 208 pixels, on screens with up to two pixels for one.
var galleryBox = thumbnail.Box{Short: 320, Long: 1280}

// stdout is the name of the standard output, as --html has it.
const stdout = "-"

// besidePage are the options that say how hits are printed or shown: a page on the standard output stands alone.
var besidePage = []string{"json", "format", "null", "preview", "open", "explain", "all-paths"}

// choosePage finds where the page goes, and refuses to write it over anything but a page. Of a page on the standard output and other
// results, what is only configured gives way.
func (s *search) choosePage() error {
	others := slices.ContainsFunc(besidePage, s.given)
	switch {
	case s.html == "":
		return nil
	case s.queries != "":
		return cli.Usage("they belong to a single query", "--queries with --html")
	case s.html == stdout && others && s.given("html"):
		return cli.Usage("--html - prints only the page", "--html - with --%s", besidePage[slices.IndexFunc(besidePage, s.given)])
	case s.html == stdout && others:
		return nil
	}
	if s.page = s.html; s.page == stdout {
		return nil
	}
	return cli.MayReplace("--html", s.html, "page of imgsearch", gallery.IsPage)
}

// writeHTML writes the hits as a page.
func (s *session) writeHTML(ctx context.Context, a answer) error {
	if s.page == "" {
		return nil
	}
	page := gallery.Page{Title: a.query, Pictures: make([]gallery.Picture, len(a.Hits))}
	if page.Title == "" {
		page.Title = "Photos"
	}
	page.Summary = fmt.Sprintf("%s, %s", english.Count(len(a.Hits), "photo"), time.Now().Format("2 January 2006, 15:04"))
	for i, h := range a.Hits {
		page.Pictures[i] = gallery.Picture{
			Rank: i + 1 + s.offset, Path: h.Path, Shown: strings.ToValidUTF8(words.Path(h.Path), "\ufffd"), Caption: s.caption(h, a), Width: h.Width, Height: h.Height, Missing: h.Missing,
		}
	}
	err := s.eachThumbnail(ctx, a.Hits, func(i int, h query.Hit) (err error) {
		page.Pictures[i].JPEG, err = s.thumbnailJPEG(ctx, h)
		return err
	})
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := gallery.Write(&b, page); err != nil {
		return err
	}
	if s.page == stdout {
		_, err := b.WriteTo(s.p.Out)
		return err
	}
	path, err := filepath.Abs(s.page)
	if err != nil {
		return err
	}
	o := atomicfile.Options{FollowLink: true, Mode: 0o666, Unfinished: ".imgsearch-page-*"} // the umask decides who may read it
	if err := atomicfile.Replace(path, b.Bytes(), o); err != nil {
		return cli.Usage("give a file that can be written", "--html: %w", fserr.Cause(err))
	}
	s.p.Notef("%s in %s", english.Count(len(a.Hits), "photo"), words.Path(s.page))
	return nil
}

// thumbnailJPEG is a hit's picture for a page: the preview that the index keeps as it is, else one that is made of the file.
func (s *session) thumbnailJPEG(ctx context.Context, h query.Hit) ([]byte, error) {
	preview, ok, err := s.preview(ctx, h.ID)
	if err != nil || ok {
		return preview, err
	}
	img, err := thumbnail.Open(h.Path, galleryBox)
	if err != nil {
		return nil, err
	}
	return thumbnail.JPEG(img)
}

// caption says what the table does.
func (s *session) caption(h query.Hit, a answer) string {
	var parts []string
	if !a.listing {
		parts = append(parts, fmt.Sprintf("%.4f", h.Score))
	}
	if day, _, _ := strings.Cut(h.TakenAt, "T"); day != "" {
		parts = append(parts, day)
	}
	if text := known(h); text != "" {
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ") + remarks(h)
}
