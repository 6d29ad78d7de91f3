// Package gallery writes pictures as one self-contained page: a justified gallery that works from a file, without a network.
// It must not know formats of pictures, or searches.
package gallery

import (
	"bytes"
	"crypto/sha256"
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
	// Link is the URL of the file, "" if the page has no links. Shown is the file's name or path.
	Link, Shown string
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

var (
	//go:embed gallery.html
	source string
	//go:embed gallery.css
	style string
	//go:embed gallery.js
	script string
)

// mark begins every page, so that one can be told from a file that somebody else made.
const mark = "<!doctype html>\n<!-- imgsearch gallery -->\n"

// IsPage tells whether a file begins as a page does.
func IsPage(head []byte) bool { return bytes.HasPrefix(head, []byte(mark)) }

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"thumb": func(p Picture) template.URL {
		return template.URL("data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(p.JPEG)) //nolint:gosec // base64 of our own JPEG
	},
	"link": func(p Picture) template.URL { return template.URL(p.Link) }, //nolint:gosec // FileURL's, or RelativeURL's
	"name": func(p Picture) string { return filepath.Base(p.Shown) },
}).Parse(source))

// Write writes a page.
func Write(w io.Writer, p Page) error {
	if _, err := io.WriteString(w, mark); err != nil {
		return err
	}
	shapes := shapesOf(p.Pictures)
	return page.Execute(w, struct {
		Page

		Policy        string
		Style, Shapes template.CSS
		Script        template.JS
	}{p, policy(shapes), template.CSS(style), template.CSS(shapes), template.JS(script)}) //nolint:gosec // our own, and numbers
}

// shapesOf is a style sheet with each picture's aspect ratio. Style attributes would need 'unsafe-inline' in the policy.
func shapesOf(pictures []Picture) string {
	var b strings.Builder
	for i, p := range pictures {
		r := 1.5
		if p.Width > 0 && p.Height > 0 {
			r = float64(p.Width) / float64(p.Height)
		}
		fmt.Fprintf(&b, "#p%d{--r:%.4f}\n", i, min(max(r, 0.4), 4)) // limits panoramas and towers
	}
	return b.String()
}

// policy allows pictures, and the page's own style sheets and script by their digests (Content Security Policy Level 3, 2.3.1).
func policy(shapes string) string {
	digest := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return "default-src 'none'; img-src data: file: 'self'; style-src " + digest(style) + " " + digest(shapes) + "; script-src " + digest(script) +
		"; base-uri 'none'; form-action 'none'"
}

// RelativeURL is the URL of a file whose path is relative to the page.
func RelativeURL(path string) string {
	return (&url.URL{Path: "./" + filepath.ToSlash(path)}).EscapedPath()
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
