package server

import (
	"archive/zip"
	"bytes"
	"fmt"
	"html"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/store"
)

// get asks a server for a page. A body is that of a form.
func get(s *Server, address string, form ...url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, address, nil)
	if len(form) > 0 {
		r = httptest.NewRequest(http.MethodPost, address, strings.NewReader(form[0].Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Host = "localhost"
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

// must checks that a page has some texts.
func must(t *testing.T, w *httptest.ResponseRecorder, status int, texts ...string) string {
	t.Helper()
	page := html.UnescapeString(w.Body.String())
	if w.Code != status {
		t.Errorf("status %d, want %d", w.Code, status)
	}
	for _, text := range texts {
		if !strings.Contains(page, text) {
			t.Errorf("no %q in\n%.6000s", text, page[strings.Index(page, "<body"):])
		}
	}
	return page
}

var tileLinks = regexp.MustCompile(`<li><a href="(/\?[^"]*photo=[0-9a-f]{64})">`)

// TestGalleryWithoutScript uses the pages as a browser without JavaScript does.
func TestGalleryWithoutScript(t *testing.T) {
	s, photos := newServer(t, 130)
	first := get(s, "/")
	page := must(t, first, http.StatusOK, "130 photos", `<form id="search" role="search" action="/" method="get">`, `rel="next"`, "0000.jpg")
	if n := len(tileLinks.FindAllString(page, -1)); n != galleryPage {
		t.Errorf("%d photos on the first page", n)
	}
	if policy := first.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "script-src 'self'") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q", policy)
	}
	// The pages add up to all photos.
	seen := make(map[string]bool)
	address := "/"
	for range 10 {
		page := get(s, address).Body.String()
		for _, m := range tileLinks.FindAllStringSubmatch(page, -1) {
			seen[html.UnescapeString(m[1])] = true
		}
		next := regexp.MustCompile(`href="([^"]*)" rel="next"`).FindStringSubmatch(page)
		if next == nil {
			break
		}
		address = html.UnescapeString(next[1])
	}
	if len(seen) != 130 {
		t.Errorf("%d photos on all pages", len(seen))
	}
	// A photo, with what is known about it.
	for link := range seen {
		must(t, get(s, link), http.StatusOK, `<section id="photo"`, "300 × 200", photos, "Similar photos", "/file?n=0")
		break
	}
	// Searches and filters keep each other.
	page = must(t, get(s, "/?q=green+stripes&type=jpg&camera=&utm=x"), http.StatusOK, "Photos of green stripes", `name="q" type="search" value="green stripes"`, `name="type" value="jpg"`, `href="/?q=green+stripes" aria-label="Remove type: jpg"`)
	if strings.Contains(page, "utm") {
		t.Error("an unknown parameter is kept")
	}
	must(t, get(s, "/?q=green&not=type%3Dpng&keyword=a&keyword=b"), http.StatusOK, `type="hidden" name="not" value="type=png"`, `type="hidden" name="keyword" value="b"`, `name="keyword" value="a"`, "No matching photos")
	must(t, get(s, "/?rating=many"), http.StatusUnprocessableEntity, `role="alert"`, "Rating: \"many\" is not a valid number", `<option selected>many</option>`)
	must(t, get(s, "/?photo=00000000"), http.StatusNotFound, "No picture has an id that begins with 00000000")
	must(t, get(s, "/?offset=x"), http.StatusUnprocessableEntity, "Offset: not a number")
	must(t, get(s, "/?q=%3Cscript%3Ealert(1)%3C/script%3E"), http.StatusOK)
	if strings.Contains(get(s, "/?q=%3Cscript%3Ealert(1)%3C/script%3E").Body.String(), "<script>alert") {
		t.Error("a query is not escaped")
	}

	// A picture that is sent by a form.
	data, err := os.ReadFile(filepath.Join(photos, "0007.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	send := func(name string, data []byte) *httptest.ResponseRecorder {
		var b bytes.Buffer
		form := multipart.NewWriter(&b)
		part, _ := form.CreateFormFile("image", name)
		_, _ = part.Write(data)
		_ = form.Close()
		r := httptest.NewRequest(http.MethodPost, "/", &b)
		r.Header.Set("Content-Type", form.FormDataContentType())
		r.Host = "localhost"
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		return w
	}
	must(t, send("seven.jpg", data), http.StatusOK, "Photos that look like seven.jpg", "0007.jpg")
	for _, media := range []string{"", ";;", "text/plain", "application/x-www-form-urlencoded"} {
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader("q=dog"))
		r.Header.Set("Content-Type", media)
		r.Host = "localhost"
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		must(t, w, http.StatusUnsupportedMediaType, `role="alert"`)
	}
	must(t, send("none.jpg", nil), http.StatusUnprocessableEntity, `role="alert"`)
	must(t, send("broken.jpg", data[:20]), http.StatusUnprocessableEntity, `role="alert"`)
}

// listAll lists the pictures of an index by path.
func listAll(t *testing.T, s *Server) []query.Hit {
	t.Helper()
	_, engine, done, err := s.Use(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	found, err := engine.Search(t.Context(), query.Request{Order: store.ByPath, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	return found.Hits
}

// TestDownload checks the archive of a selection, and the list of its paths.
func TestDownload(t *testing.T) {
	s, photos := newServer(t, 4)
	data, err := os.ReadFile(filepath.Join(photos, "0000.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, h := range listAll(t, s) {
		ids = append(ids, h.ID.String()[:16])
	}
	if err := os.Remove(filepath.Join(photos, "0002.jpg")); err != nil {
		t.Fatal(err)
	}
	w := get(s, "/download", url.Values{"ids": {strings.Join(append(ids, ids[0]), " ")}, "as": {"zip"}})
	archive, err := zip.NewReader(bytes.NewReader(w.Body.Bytes()), int64(w.Body.Len()))
	if err != nil {
		t.Fatal(err, w.Code)
	}
	names := ""
	for _, f := range archive.File {
		names += " " + f.Name
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || f.Name == "0000.jpg" && !bytes.Equal(got, data) {
			t.Errorf("%s: %d bytes, %v", f.Name, len(got), err)
		}
	}
	if names != " 0000.jpg 0001.jpg 0003.jpg missing.txt" {
		t.Errorf("the archive has%s", names)
	}
	if d := w.Header().Get("Content-Disposition"); d != `attachment; filename="photos.zip"` {
		t.Errorf("%s", d)
	}
	w = get(s, "/download", url.Values{"ids": {strings.Join(ids, "\n")}, "as": {"paths"}})
	want := ""
	for i := range 4 {
		want += filepath.Join(photos, fmt.Sprintf("%04d.jpg", i)) + "\n"
	}
	if w.Body.String() != want {
		t.Errorf("paths:\n%s, want\n%s", w.Body, want)
	}
	must(t, get(s, "/download", url.Values{}), http.StatusUnprocessableEntity, "Ids: no photo is selected")
	must(t, get(s, "/download", url.Values{"ids": {"../../etc/passwd"}}), http.StatusNotFound, "Not an id of a picture")
	must(t, get(s, "/download", url.Values{"ids": {strings.Repeat("00000000 ", maxDownload+1)}}), http.StatusUnprocessableEntity, "more than 2000 photos")
	if got := safeName("back\\slash\\..\\x\n\x1b[31m\u202egpj.e\xffxe:?.jpg"); got != "back_slash_.._x__[31m_gpj.e_xe__.jpg" {
		t.Errorf("a safe name: %q", got)
	}
	names = ""
	used := make(map[string]int)
	for _, name := range []string{"a.jpg", "A.jpg", "a.jpg", "a (2).jpg", "b"} {
		names += free(used, name) + " "
	}
	if names != "a.jpg A (2).jpg a (3).jpg a (2) (2).jpg b " {
		t.Errorf("names: %s", names)
	}
}

// TestSessionsWithoutScript indexes a folder by the form.
func TestSessionsWithoutScript(t *testing.T) {
	s, photos := newServer(t, 2)
	must(t, get(s, "/sessions"), http.StatusOK, photos, "Nothing has been indexed from here yet.")
	if w := get(s, "/sessions", url.Values{"folder": {photos}}); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/sessions" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	for end := time.Now().Add(time.Minute); !strings.Contains(get(s, "/sessions").Body.String(), `data-state="done"`); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the session does not end")
		}
	}
	must(t, get(s, "/sessions"), http.StatusOK, "0 added, 0 updated, 2 unchanged, 0 could not be read")
	must(t, get(s, "/sessions", url.Values{"folder": {"/etc"}}), http.StatusForbidden, "This folder may not be indexed from here", `value="/etc"`)
	must(t, get(s, "/sessions", url.Values{"cancel": {"1"}}), http.StatusConflict, `role="alert"`)
	must(t, get(s, "/sessions", url.Values{"cancel": {"x"}}), http.StatusNotFound, `role="alert"`)
	r := httptest.NewRequest(http.MethodPost, "/sessions", strings.NewReader("folder="+url.QueryEscape(photos)))
	r.Host = "localhost"
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	w := httptest.NewRecorder()
	if s.Handler().ServeHTTP(w, r); w.Code != http.StatusForbidden {
		t.Errorf("a form of another site: %d", w.Code)
	}
}

// TestEmptyGallery checks what is said before anything is indexed, and where the first session can be started.
func TestEmptyGallery(t *testing.T) {
	for _, c := range []struct {
		change func(*Options)
		want   string
	}{
		{func(o *Options) { o.Allow = []string{"/home/me/Pictures"} }, `value="/home/me/Pictures" required`},
		{func(*Options) {}, "imgsearch serve --allow ~/Pictures"},
		{func(o *Options) { o.ReadOnly = true }, "This server is read-only."},
	} {
		s, _ := newServer(t, 0, func(o *Options) {
			o.App.IndexFile = filepath.Join(t.TempDir(), "new.db")
			c.change(o)
		})
		must(t, get(s, "/"), http.StatusOK, "No photos yet", c.want)
		must(t, get(s, "/sessions"), http.StatusOK)
		must(t, get(s, "/duplicates"), http.StatusOK, "No duplicates found.")
	}
}

// TestStatic checks that scripts and styles are served with their types, whatever the system knows about them.
func TestStatic(t *testing.T) {
	s, _ := newServer(t, 1)
	for name, media := range map[string]string{"gallery.js": "text/javascript; charset=utf-8", "gallery.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml"} {
		w := get(s, "/static/"+name)
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != media || w.Header().Get("Etag") == "" {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
	}
	for _, name := range []string{"nosuch.js", "..%2fstatic.go", ""} {
		if w := get(s, "/static/"+name); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
}
