// Package gallery writes pictures to one self-contained page: a justified gallery that works from a file, without a network.
// It must not know picture formats or searches.
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
	// Rank is its position among the hits.
	Rank int
	// Link is the URL of the file, "" if the page has no links. Shown is the name or path to display.
	Link, Shown string
	// Caption is the text below the picture, before its path.
	Caption string
	// Width and Height are in pixels. Only their ratio matters.
	Width, Height int
	// JPEG is the thumbnail; if it is nil, the page shows a box with the name instead.
	JPEG []byte
	// Mark is the text that was found in the picture, and Marks are the corners of its lines, as fractions of the width and height.
	Mark  string
	Marks [][4]Point
	// Missing reports whether the file does not exist: then only the thumbnail is shown.
	Missing bool
}

// Point is a place in a picture.
type Point struct{ X, Y float64 }

// Page is the content of a page.
type Page struct {
	// Title is the query, Summary the line below it.
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

// mark is the start of every page, to distinguish pages from other files.
const mark = "<!doctype html>\n<!-- imgsearch gallery -->\n"

// IsPage reports whether a file starts like a page.
func IsPage(head []byte) bool { return bytes.HasPrefix(head, []byte(mark)) }

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"thumb": func(p Picture) template.URL {
		return template.URL("data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(p.JPEG)) //nolint:gosec // base64 of our own JPEG
	},
	"link": func(p Picture) template.URL { return template.URL(p.Link) }, //nolint:gosec // FileURL's, or RelativeURL's
	// An SVG's units are the picture's sides here. html/template would escape a number that it does not know to be one.
	"points": func(corners [4]Point) string {
		parts := make([]string, len(corners))
		for i, c := range corners {
			parts[i] = fmt.Sprintf("%.4f,%.4f", c.X, c.Y)
		}
		return strings.Join(parts, " ")
	},
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

// shapesOf returns a style sheet with each picture's aspect ratio. Style attributes would need 'unsafe-inline' in the policy.
func shapesOf(pictures []Picture) string {
	var b strings.Builder
	for i, p := range pictures {
		r := 1.5
		if p.Width > 0 && p.Height > 0 {
			r = float64(p.Width) / float64(p.Height)
		}
		shown := min(max(r, 0.4), 4) // limits panoramas and very tall pictures
		fmt.Fprintf(&b, "#p%d{--r:%.4f}\n", i, shown)
		if shown != r { // the picture is cut, so its marks would be in the wrong places
			fmt.Fprintf(&b, "#p%d .marks{display:none}\n", i)
		}
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

// RelativeURL returns the URL of a file whose path is relative to the page.
func RelativeURL(path string) string {
	return (&url.URL{Path: "./" + filepath.ToSlash(path)}).EscapedPath()
}

// FileURL returns the URL of a file on this machine.
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
