// Package gallery writes pictures as one self-contained page: a justified gallery that works from a file, without a network.
// It must not know formats of pictures, or searches.
package gallery

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"net/url"
	"path/filepath"
	"strings"
)

// Picture is one picture of a page.
type Picture struct {
	// Rank is its number among the hits.
	Rank int
	// Path is the file's, absolute; Shown is how it is written.
	Path, Shown string
	// Caption says what there is to say of it.
	Caption string
	// Width and Height are the picture's in pixels, of which the shape counts.
	Width, Height int
	// JPEG is its thumbnail; nil: a field with its name stands in its place.
	JPEG []byte
	// Missing tells that the file is not there: only the thumbnail can be shown.
	Missing bool
}

// Page is what is written.
type Page struct {
	// Title is the query, Summary a line below it.
	Title, Summary string
	Pictures       []Picture
}

//go:embed gallery.html
var source string

// mark begins every page, so that one can be told from a file that somebody else made.
const mark = "<!doctype html>\n<!-- imgsearch gallery -->\n"

// IsPage tells whether a file begins as a page does.
func IsPage(head []byte) bool { return bytes.HasPrefix(head, []byte(mark)) }

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"thumb": func(p Picture) template.URL {
		return template.URL("data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(p.JPEG)) //nolint:gosec // base64 of our own JPEG
	},
	"file": func(p Picture) template.URL { return template.URL(FileURL(p.Path)) }, //nolint:gosec // escaped by net/url
	"name": func(p Picture) string { return filepath.Base(p.Shown) },
	// ratio keeps panoramas and towers from being slivers.
	"ratio": func(p Picture) template.CSS {
		r := 1.5
		if p.Width > 0 && p.Height > 0 {
			r = float64(p.Width) / float64(p.Height)
		}
		return template.CSS(fmt.Sprintf("%.4f", min(max(r, 0.4), 4))) //nolint:gosec // a number
	},
}).Parse(source))

// Write writes a page.
func Write(w io.Writer, p Page) error {
	if _, err := io.WriteString(w, mark); err != nil {
		return err
	}
	return page.Execute(w, p)
}

// FileURL is the address of a file on this machine.
func FileURL(path string) string {
	slashed := filepath.ToSlash(path)
	if share, ok := strings.CutPrefix(slashed, "//"); ok { // //server/share/...
		host, rest, _ := strings.Cut(share, "/")
		return (&url.URL{Scheme: "file", Host: host, Path: "/" + rest}).String()
	}
	if !strings.HasPrefix(slashed, "/") { // C:/...
		slashed = "/" + slashed
	}
	return (&url.URL{Scheme: "file", Path: slashed}).String()
}
