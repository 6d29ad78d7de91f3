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

// galleryBox is the size of a page's thumbnails: rows of 13rem, 208 pixels, on screens with up to two device pixels per pixel.
var galleryBox = thumbnail.Box{Short: 320, Long: 1280}

// stdout is the value of --html that means standard output.
const stdout = "-"

// besidePage are the options that print or show hits; they cannot be combined with a page on standard output.
var besidePage = []string{"json", "format", "null", "preview", "open", "explain", "all-paths"}

// choosePage sets the file of the page, and rejects a file that exists and is not a page. If a page on standard output and another
// output option are both set, the command line takes precedence over the configuration.
func (s *search) choosePage() error {
	others := slices.ContainsFunc(besidePage, s.given)
	switch {
	case s.html == "":
		return nil
	case s.queries != "":
		return cli.Usage("--html applies to a single query", "--queries and --html cannot be combined")
	case s.html == stdout && others && s.given("html"):
		return cli.Usage("--html - prints only the page", "--html - and --%s cannot be combined", besidePage[slices.IndexFunc(besidePage, s.given)])
	case s.html == stdout && others:
		return nil
	}
	if s.page = s.html; s.page == stdout {
		return nil
	}
	return cli.MayReplace("--html", s.html, "imgsearch page", gallery.IsPage)
}

// writeHTML writes the hits as a page.
func (s *session) writeHTML(ctx context.Context, a answer) error {
	if s.page == "" {
		return nil
	}
	folder, err := s.pageFolder()
	if err != nil {
		return err
	}
	page := gallery.Page{Title: s.pageTitle(a.query), Pictures: make([]gallery.Picture, len(a.Hits))}
	page.Summary = fmt.Sprintf("%s, %s", english.Count(len(a.Hits), "photo"), time.Now().Format("2 January 2006, 15:04"))
	for i, h := range a.Hits {
		link, shown := s.pageLink(folder, h.Path)
		page.Pictures[i] = gallery.Picture{
			Rank: i + 1 + s.offset, Link: link, Shown: strings.ToValidUTF8(words.Path(shown), "\ufffd"), Caption: s.caption(h, a), Width: h.Width, Height: h.Height, Missing: h.Missing,
			Mark: words.Path(h.Excerpt()),
		}
		for _, line := range h.Text {
			var marks [4]gallery.Point
			for k, c := range line.Corners {
				marks[k] = gallery.Point(c)
			}
			page.Pictures[i].Marks = append(page.Pictures[i].Marks, marks)
		}
	}
	err = s.eachThumbnail(ctx, a.Hits, func(i int, h query.Hit) (err error) {
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
	o := atomicfile.Options{FollowLink: true, Mode: 0o666, Unfinished: ".imgsearch-page-*"} // the umask decides who can read it
	if err := atomicfile.Replace(path, b.Bytes(), o); err != nil {
		return cli.Usage("choose a file that you can write to", "--html: %w", fserr.Cause(err))
	}
	s.p.Notef("wrote %s to %s", english.Count(len(a.Hits), "photo"), words.Path(s.page))
	return nil
}

// pageTitle returns the query and the filters: "dog on beach, camera canon, taken 2023".
func (s *session) pageTitle(query string) string {
	parts := s.filters.Describe()
	if query != "" {
		parts = append([]string{query}, parts...)
	}
	if len(parts) == 0 {
		return "Photos"
	}
	return strings.Join(parts, ", ")
}

// pageFolder returns the folder of the page, or "" for standard output.
func (s *session) pageFolder() (string, error) {
	if s.page == stdout {
		return "", nil
	}
	page, err := filepath.Abs(s.page)
	return filepath.Dir(page), err
}

// pageLink returns the link to a file, and its path as shown. With --paths both are absolute. Without, they are relative if the page
// is in a folder above the photo; otherwise the page, which may be sent to others, has only the name.
func (s *session) pageLink(folder, path string) (link, shown string) {
	if s.paths {
		return gallery.FileURL(path), path
	}
	if folder != "" {
		if rel, err := filepath.Rel(folder, path); err == nil && filepath.IsLocal(rel) {
			return gallery.RelativeURL(rel), rel
		}
	}
	return "", filepath.Base(path)
}

// Bounds of --embed-size, in pixels.
const (
	leastEmbedSize = 64
	mostEmbedSize  = 4096
)

// checkPage rejects options for the page if there is none.
func (o *options) checkPage() error {
	switch {
	case o.html == "" && o.paths && o.given("paths"):
		return cli.Usage("add --html, or omit --paths", "--paths needs --html")
	case o.html == "" && o.embedSize != 0 && o.given("embed-size"):
		return cli.Usage("add --html, or omit --embed-size", "--embed-size needs --html")
	case o.embedSize != 0 && (o.embedSize < leastEmbedSize || o.embedSize > mostEmbedSize):
		return cli.Usage(fmt.Sprintf("use a number of pixels from %d to %d", leastEmbedSize, mostEmbedSize), "invalid value for --embed-size: %d", o.embedSize)
	}
	return nil
}

// thumbnailJPEG returns a hit's picture for a page: the preview in the index, unchanged, else one made from the file.
func (s *session) thumbnailJPEG(ctx context.Context, h query.Hit) ([]byte, error) {
	preview, ok, err := s.preview(ctx, h.ID)
	if err != nil || ok && (s.embedSize == 0 || h.Missing) {
		return preview, err
	}
	box := galleryBox
	if s.embedSize > 0 {
		box = thumbnail.Box{Width: s.embedSize, Height: s.embedSize}
	}
	img, err := thumbnail.Open(h.Path, box)
	if err != nil && ok {
		return preview, nil // small, but available
	}
	if err != nil {
		return nil, err
	}
	return thumbnail.JPEG(img)
}

// caption returns what the table prints about a hit, for the page.
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
