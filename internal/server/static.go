package server

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"net/http"
	"path"
	"time"
)

//go:embed static
var static embed.FS

//go:embed pages
var pageFiles embed.FS

const staticPath = "/static/"

// mediaOf are the types of the files, which the system may know differently.
var mediaOf = map[string]string{".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}

// serveStatic serves the scripts and the style of the gallery. Browsers ask each time whether they have changed.
func serveStatic(w http.ResponseWriter, r *http.Request) {
	data, err := static.ReadFile("static/" + r.PathValue("name"))
	if err != nil {
		problem(http.StatusNotFound, notFound, "there is nothing at this address", "").send(w)
		return
	}
	sum := sha256.Sum256(data)
	w.Header().Set("Content-Type", mediaOf[path.Ext(r.PathValue("name"))])
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Etag", `"`+hex.EncodeToString(sum[:8])+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

// pages are pages with scripts and a style of this server's own, and nothing of another.
type pages struct{ templates *template.Template }

var galleryPages = pages{template.Must(template.New("").ParseFS(pageFiles, "pages/frame.html", "pages/gallery.html", "pages/duplicates.html", "pages/sessions.html"))}

// galleryPolicy allows what the gallery's pages load. blob: is a picture that the user has chosen to search with.
const galleryPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// show sends a page.
func (p pages) show(w http.ResponseWriter, status int, name string, data any) {
	var b bytes.Buffer
	if err := p.templates.ExecuteTemplate(&b, name, data); err != nil {
		panic(err) // the data and the template belong together
	}
	page{policy: galleryPolicy}.send(w, status, b.Bytes())
}
