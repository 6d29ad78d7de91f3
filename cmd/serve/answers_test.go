package serve_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/imgsearch/imgsearch/cmd/internal/scenario"
	"github.com/imgsearch/imgsearch/internal/testkit"
)

// TestPredecessor sends the requests of the service that imgsearch replaces, as curl -d does: without saying that the body is JSON.
func TestPredecessor(t *testing.T) {
	home := t.TempDir()
	dir := filepath.Join(home, "photos")
	album(t, dir, 1, 3)
	s := launch(t, home, "--allow", dir)
	var empty struct{ Results []any }
	if s.must(s.ask("GET", "/api/v1/search?q=dog", ""), http.StatusOK, &empty); empty.Results == nil || len(empty.Results) > 0 {
		t.Errorf("without an index: %+v", empty)
	}
	a := s.ask("POST", sessions, fmt.Sprintf(`{"training_directory": %q, "priority": "high"}`, dir), header("Content-Type", "application/x-www-form-urlencoded"))
	var one session
	s.must(a, http.StatusAccepted, &one)
	if done := s.untilIn(one.ID, "done"); done.Progress.Added != 3 || done.Progress.Embedded != 3 {
		t.Errorf("%+v", done)
	}
	var found struct {
		Results []struct {
			Path  string
			Score float64
		}
	}
	if s.must(s.ask("GET", "/api/v1/search?q=dog", ""), http.StatusOK, &found); len(found.Results) != 3 || found.Results[0].Path == "" {
		t.Errorf("%+v", found)
	}
}

// TestSameAsCommandLine checks that answers equal those of the command line, but for what only one of the two has.
func TestSameAsCommandLine(t *testing.T) {
	home, dir := newHome(t, 8)
	scenario.WritePicture(t, filepath.Join(dir, "sub", "copy.jpg"), 1) // a copy of 000.jpg
	write(t, filepath.Join(dir, "broken.jpg"), []byte("\xff\xd8 broken"))
	s := launch(t, home)
	if _, code := s.run("index", dir); code != 3 {
		t.Fatalf("index: %d", code)
	}
	var first struct{ Results []struct{ ID string } }
	s.must(s.ask("GET", "/api/v1/search?q=dog&top=1", ""), http.StatusOK, &first)
	id := first.Results[0].ID
	for _, c := range []struct {
		path string
		args []string
	}{
		{"search?q=dog+on+beach", []string{"search", "dog on beach"}},
		{"search?q=dog+on+beach&top=3&offset=2", []string{"search", "dog on beach", "--top", "3", "--offset", "2"}},
		{"search?q=dog&add=0.5:cat&subtract=people&explain=true&top=2", []string{"search", "dog", "--add", "0.5:cat", "--subtract", "people", "--explain", "-n2"}},
		{"search?q=dog&like=" + id[:10], []string{"search", "dog", "--like", id}},
		{"search?q=dog&prompt=a+photo+of+{}&min-score=-1&no-ocr-rank=true", []string{"search", "dog", "--prompt", "a photo of {}", "--min-score", "-1", "--no-ocr-rank"}},
		{"search?type=jpg,png&width=..100&orientation=landscape", []string{"search", "--type", "jpg,png", "--width", "..100", "--orientation", "landscape"}},
		{"search?sort=path&name=00*.jpg&name=copy.jpg&not=name%3D001.jpg", []string{"search", "--sort", "path", "--name", "00*.jpg", "--name", "copy.jpg", "--not", "name=001.jpg"}},
		{"search?q=dog&under=" + url.QueryEscape(filepath.Join(dir, "sub")), []string{"search", "dog", "--under", filepath.Join(dir, "sub")}},
		{"search?q=dog&sort=path&top=4", []string{"search", "dog", "--sort", "path", "-n4"}},
		{"facets?by=folder", []string{"facets", "folder"}},
		{"facets?by=type&name=00*", []string{"facets", "type", "--name", "00*"}},
		{"pictures/" + id, []string{"show", id}},
		{"dupes?exact=true", []string{"dupes", "--exact"}},
		{"dupes?threshold=0.8", []string{"dupes", "--threshold", "0.8"}},
		{"status?failures=true", []string{"status", "--failures"}},
	} {
		out, code := s.run(append(c.args, "--json")...)
		if code != 0 {
			t.Fatalf("%v: exit %d", c.args, code)
		}
		var want, got any
		if err := json.Unmarshal([]byte(out), &want); err != nil {
			t.Fatal(err)
		}
		s.must(s.ask("GET", "/api/v1/"+c.path, ""), http.StatusOK, &got)
		if want, got = without(want, "elapsed_ms", "query", "term", "indexed"), without(got, "elapsed_ms", "query", "term", "indexed", "links", "notices", "server"); strings.HasPrefix(c.path, "dupes") {
			got = without(got, "id")
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s:\n got %v\nwant %v", c.path, got, want)
		}
	}
}

// without returns a value without properties of some names, at any depth.
func without(v any, names ...string) any {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range names {
			delete(v, name)
		}
		for name := range v {
			v[name] = without(v[name], names...)
		}
	case []any:
		for i := range v {
			v[i] = without(v[i], names...)
		}
	}
	return v
}

// TestPost searches by terms in JSON, and by pictures that are sent.
func TestPost(t *testing.T) {
	home, dir := newHome(t, 6)
	s := launch(t, home)
	type found struct {
		Query   string
		Results []struct {
			ID, Path string
			Score    float64
			Terms    []struct{ Weight float64 }
		}
	}
	var a found
	s.must(s.ask("POST", "/api/v1/search", `{"terms": [{"text": "dog"}, {"text": "cat", "weight": -0.5}], "top": 2, "explain": true, "min-score": -1, "name": ["00*.jpg"]}`, header("Content-Type", "application/json")), http.StatusOK, &a)
	if a.Query != "dog - 0.5:cat" || len(a.Results) != 2 || len(a.Results[0].Terms) != 2 || a.Results[0].Terms[1].Weight != -0.5 {
		t.Errorf("%+v", a)
	}
	sent, err := testkit.Encode("x.png", testkit.Picture(4, 64, 48)) // as 003.jpg
	if err != nil {
		t.Fatal(err)
	}
	post := func(parts map[string]string, images ...[]byte) answered {
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		for name, value := range parts {
			w.WriteField(name, value)
		}
		for _, data := range images {
			f, _ := w.CreateFormFile("image", "../../evil<b>.png")
			f.Write(data)
		}
		w.Close()
		return s.ask("POST", "/api/v1/search", b.String(), header("Content-Type", w.FormDataContentType()))
	}
	if s.must(post(nil, sent), http.StatusOK, &a); filepath.Base(a.Results[0].Path) != "003.jpg" || a.Query != "evil<b>.png" {
		t.Errorf("by a picture: %+v", a)
	}
	file, err := os.ReadFile(filepath.Join(dir, "005.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	if s.must(post(map[string]string{"terms": `[{"image": 1, "weight": 2}, {"image": 0, "weight": -0.1}]`, "top": "1", "min-score": "-1"}, sent, file), http.StatusOK, &a); filepath.Base(a.Results[0].Path) != "005.jpg" {
		t.Errorf("by two pictures: %+v", a)
	}
	for want, got := range map[string]answered{
		"not valid JSON":         s.ask("POST", "/api/v1/search", `{"terms": [`, header("Content-Type", "application/json")),
		"unexpected property":    s.ask("POST", "/api/v1/search", `{"nosuch": 1}`, header("Content-Type", "application/json")),
		"one of text, like":      s.ask("POST", "/api/v1/search", `{"terms": [{"text": "a", "like": "b"}]}`, header("Content-Type", "application/json")),
		"no picture number 3":    post(map[string]string{"terms": `[{"image": 3}]`}),
		"unknown part":           post(map[string]string{"nosuch": "1"}),
		"image: not a picture":   post(nil, []byte("no picture")),
		"neither JSON nor":       s.ask("POST", "/api/v1/search", "q=dog", header("Content-Type", "text/plain")),
		"not valid multipart":    s.ask("POST", "/api/v1/search", "--x\r\nrubbish", header("Content-Type", "multipart/form-data; boundary=x")),
		"the weight is 0":        s.ask("POST", "/api/v1/search", `{"terms": [{"text": "a", "weight": 0}]}`, header("Content-Type", "application/json")),
		"body.top: expected num": s.ask("POST", "/api/v1/search", `{"top": 0}`, header("Content-Type", "application/json")),
	} {
		if got.status < 400 || got.status >= 500 || !strings.Contains(string(got.body), want) {
			t.Errorf("%s: %d %s", want, got.status, got.body)
		}
	}
}

// TestPictures checks thumbnails, pictures for browsers, and files.
func TestPictures(t *testing.T) {
	home := t.TempDir()
	dir := filepath.Join(home, "photos")
	scenario.WritePicture(t, filepath.Join(dir, "a.tiff"), 1)
	big, err := testkit.Encode("b.jpg", testkit.Picture(2, 900, 600))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "b.jpg"), big)
	s := launch(t, home)
	if _, code := s.run("index", "--quiet", "--keep-previews", dir); code != 0 {
		t.Fatal(code)
	}
	id := make(map[string]string)
	var all struct {
		Results []struct {
			ID, Path string
			Links    struct{ Self, Thumbnail, Image, File, Similar string }
		}
	}
	s.must(s.ask("GET", "/api/v1/search?sort=path", ""), http.StatusOK, &all)
	for _, r := range all.Results {
		id[filepath.Base(r.Path)] = "/api/v1/pictures/" + r.ID
		for _, link := range []string{r.Links.Self, r.Links.Thumbnail, r.Links.Image, r.Links.File, r.Links.Similar} {
			s.must(s.ask("GET", link, ""), http.StatusOK, nil)
		}
	}
	for path, side := range map[string]string{
		id["b.jpg"] + "/thumbnail":          "672 448", // the preview in the index
		id["b.jpg"] + "/thumbnail?size=300": "300 200",
		id["b.jpg"] + "/thumbnail?size=800": "800 533", // larger than the preview
		id["b.jpg"] + "/image":              "900 600", // never enlarged
		id["b.jpg"] + "/image?size=450":     "450 300",
		id["a.tiff"] + "/image":             "64 48",
	} {
		for range 2 { // made, then kept
			a := s.ask("GET", path, "")
			s.must(a, http.StatusOK, nil)
			w, h, err := testkit.Size(a.body)
			if got := fmt.Sprint(w, " ", h); err != nil || got != side || a.header.Get("Content-Type") != "image/jpeg" || !strings.Contains(a.header.Get("Cache-Control"), "immutable") {
				t.Errorf("%s: %s, want %s (%v) %v", path, got, side, err, a.header)
			}
			if again := s.ask("GET", path, "", header("If-None-Match", a.header.Get("Etag"))); again.status != http.StatusNotModified || len(again.body) > 0 {
				t.Errorf("%s again: %d", path, again.status)
			}
		}
	}
	file := s.ask("GET", id["b.jpg"]+"/file", "")
	if s.must(file, http.StatusOK, nil); !bytes.Equal(file.body, big) || file.header.Get("Content-Type") != "image/jpeg" || file.header.Get("Content-Disposition") != "inline; filename=b.jpg" {
		t.Errorf("%d bytes of %d, %v", len(file.body), len(big), file.header)
	}
	if part := s.ask("GET", id["b.jpg"]+"/file", "", header("Range", "bytes=10-19")); part.status != http.StatusPartialContent || !bytes.Equal(part.body, big[10:20]) {
		t.Errorf("a part: %d, %d bytes", part.status, len(part.body))
	}
	if tiff := s.ask("GET", id["a.tiff"]+"/file", ""); tiff.header.Get("Content-Type") != "image/tiff" {
		t.Errorf("%v", tiff.header)
	}
	s.must(s.ask("GET", id["b.jpg"]+"/file?n=1", ""), http.StatusNotFound, nil)
}

// TestOnlyThePicture checks that no file is sent but the picture that was indexed: not what a link leads to, nor what has taken its place.
func TestOnlyThePicture(t *testing.T) {
	home, dir := newHome(t, 3)
	s := launch(t, home)
	secret := filepath.Join(home, "secret.jpg")
	scenario.WritePicture(t, secret, 100)
	var all struct{ Results []struct{ ID, Path string } }
	s.must(s.ask("GET", "/api/v1/search?sort=path", ""), http.StatusOK, &all)
	for i, replace := range []func(path string) error{
		func(path string) error { return os.Symlink(secret, path) },
		func(path string) error { scenario.WritePicture(t, path, 200); return nil },
		func(path string) error { return os.Mkdir(path, 0o755) },
	} {
		r := all.Results[i]
		if err := os.Remove(r.Path); err != nil {
			t.Fatal(err)
		}
		if err := replace(r.Path); err != nil {
			t.Skip(err)
		}
		for _, what := range []string{"file", "image", "thumbnail?size=40"} {
			if a := s.ask("GET", "/api/v1/pictures/"+r.ID+"/"+what, ""); a.status != http.StatusNotFound {
				t.Errorf("%s of %s: %d, %d bytes", what, r.Path, a.status, len(a.body))
			}
		}
	}
	// The same picture with other metadata is still the picture.
	album(t, filepath.Join(dir, "more"), 50, 1)
	if _, code := s.run("index", "--quiet", filepath.Join(dir, "more")); code != 0 {
		t.Fatal(code)
	}
	path := filepath.Join(dir, "more", "000.jpg")
	data, _ := os.ReadFile(path)
	write(t, path, append(append([]byte{}, data[:2]...), append([]byte("\xff\xfe\x00\x07hello"), data[2:]...)...)) // a comment
	s.must(s.ask("GET", "/api/v1/search?name=more/000.jpg", ""), http.StatusOK, &all)
	s.must(s.ask("GET", "/api/v1/pictures/"+all.Results[0].ID+"/file", ""), http.StatusOK, nil)
	for _, path := range []string{
		"/api/v1/pictures/..%2f..%2fsecret.jpg/file", "/api/v1/pictures/%2e%2e/file", "/api/v1/pictures//etc/passwd/file", "/api/v1/pictures/" + all.Results[0].ID + "/../../secret.jpg",
		"/api/v1/pictures/00000000%00/file", "/..%5c..%5csecret.jpg",
	} {
		if a := s.ask("GET", path, ""); a.status < 300 || a.status >= 500 {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}

// TestEvents reads a session's changes, all of them and those after one.
func TestEvents(t *testing.T) {
	home := t.TempDir()
	dir := filepath.Join(home, "photos")
	album(t, dir, 1, 5)
	s := launch(t, home, "--allow", dir)
	one := s.submit(dir, "normal", false)
	read := func(after string) (ids []string, last string) {
		r, _ := http.NewRequest(http.MethodGet, fmt.Sprintf("http://%s%s/%d/events", s.address, sessions, one.ID), nil)
		if after != "" {
			r.Header.Set("Last-Event-ID", after)
		}
		a, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Body.Close()
		text, err := io.ReadAll(a.Body) // the stream ends with the session
		if err != nil || a.Header.Get("Content-Type") != "text/event-stream" {
			t.Fatal(err, a.Header)
		}
		for line := range strings.Lines(string(text)) {
			if id, ok := strings.CutPrefix(line, "id: "); ok {
				ids = append(ids, strings.TrimSpace(id))
			}
			if data, ok := strings.CutPrefix(line, "data: "); ok {
				last = data
			}
		}
		return ids, last
	}
	ids, last := read("")
	if len(ids) < 2 || !strings.Contains(last, `"state":"done"`) {
		t.Fatalf("%v %s", ids, last)
	}
	rest, _ := read(ids[0])
	if len(rest) != 1 || rest[0] != ids[len(ids)-1] { // the session has ended: only its last state is left
		t.Errorf("after %s: %v, of %v", ids[0], rest, ids)
	}
	if again, _ := read("rubbish"); len(again) != 1 {
		t.Errorf("after rubbish: %v", again)
	}
	s.must(s.ask("GET", sessions+"/99/events", ""), http.StatusNotFound, nil)
	s.must(s.ask("GET", sessions+"/1/events", "", header("Last-Event-ID", ids[len(ids)-1])), http.StatusNoContent, nil) // a browser does not come back
}
