package serve_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imgsearch/imgsearch/internal/testkit"
)

// TestRefusedAtOnce refuses requests whose bodies never come: the answer does not wait for them, and the connection ends.
func TestRefusedAtOnce(t *testing.T) {
	home, _ := newHome(t, 1)
	file := filepath.Join(home, "token")
	write(t, file, []byte("a-token-of-32-letters-and-digits\n"))
	s := launch(t, home, "--token-file", file)
	for what, head := range map[string]string{
		"421": "POST /x HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 1000\r\n\r\n",
		"403": "POST /api/v1/search HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\nContent-Length: 1000\r\n\r\n",
		"401": "POST /api/v1/search HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
		"413": "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n",
		"408": "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n123",
	} {
		c, err := net.Dial("tcp", s.address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		fmt.Fprint(c, head)
		in := bufio.NewReader(c)
		a, err := http.ReadResponse(in, nil)
		if err != nil || fmt.Sprint(a.StatusCode) != what {
			t.Errorf("%s: %v, %v", what, a, err)
			continue
		}
		_, _ = io.Copy(io.Discard, a.Body)
		a.Body.Close()
		if _, err := in.ReadByte(); err == nil || strings.Contains(err.Error(), "timeout") {
			t.Errorf("%s: the connection stays open (%v)", what, err)
		}
	}
}

// TestGreedy asks for much in little: the server refuses it, or answers others meanwhile.
func TestGreedy(t *testing.T) {
	home, _ := newHome(t, 2)
	s := launch(t, home)
	many := func(what string, n int) string {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprintf(what, i)
		}
		return strings.Join(list, ",")
	}
	asJSON := header("Content-Type", "application/json")
	for name, body := range map[string]string{
		"terms and prompts":   fmt.Sprintf(`{"terms": [%s], "prompt": [%s]}`, many(`{"text": "word %d"}`, 60), many(`"%d {}"`, 30)),
		"a name twice":        `{"top": 1, "top": 2}`,
		"another case":        `{"top": 1, "TOP": 100000000}`,
		"an unchecked list":   fmt.Sprintf(`{"add": ["a"], "ADD": [%s]}`, many(`"%d"`, 3000)),
		"keywords":            fmt.Sprintf(`{"keyword": [%s]}`, many(`"k%d"`, 2000)),
		"words of a camera":   fmt.Sprintf(`{"camera": %q}`, strings.Repeat("a ", 2000)),
		"deep arrays":         strings.Repeat("[", 30000),
		"a weight of a truth": `{"terms": [{"text": "a", "weight": true}]}`,
	} {
		begin := time.Now()
		if a := s.ask("POST", "/api/v1/search", body, asJSON); a.status != 400 && a.status != 422 {
			t.Errorf("%s: %d %.300s (%v)", name, a.status, a.body, time.Since(begin))
		}
	}
	for query, status := range map[string]int{
		"search?" + strings.Repeat("keyword=a&", 1500): 422, "search?q=%zz": 400, "search?top=100&not=type=png%zz": 400, "search?top=1&top=2": 422, "facets?by=camera&by=lens": 422,
		"dupes?threshold=nan": 422, "search?q=a&min-score=nan": 422, "dupes?threshold=inf": 422, "search?" + strings.Repeat("name=*a*&", 64): 200,
	} {
		if a := s.ask("GET", "/api/v1/"+query, ""); a.status != status {
			t.Errorf("%.60s: %d, want %d: %s", query, a.status, status, a.body)
		}
	}
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for range 20_000 {
		w.WriteField("type", "jpg")
	}
	w.Close()
	if a := s.ask("POST", "/api/v1/search", b.String(), header("Content-Type", w.FormDataContentType())); a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("20,000 parts: %d %.200s", a.status, a.body)
	}
}

// TestBombs sends pictures that are small as files and large in memory, many at once: they take turns.
func TestBombs(t *testing.T) {
	home, _ := newHome(t, 2)
	s := launch(t, home, "--max-memory", "1GB")
	picture, err := testkit.Encode("x.png", testkit.Picture(1, 4000, 3000))
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"60,000 x 60,000": testkit.PNGHeader(60_000, 60_000), "12,000 x 12,000": testkit.PNGHeader(12_000, 12_000)} {
		if a := s.post(data); a.status != 422 {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() {
			if a := s.post(picture); a.status != http.StatusOK && a.status != http.StatusTooManyRequests {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
	all.Wait()
}

// post searches by a picture.
func (s *server) post(picture []byte) answered {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	f, _ := w.CreateFormFile("image", "x.png")
	f.Write(picture)
	w.Close()
	return s.ask("POST", "/api/v1/search", b.String(), header("Content-Type", w.FormDataContentType()))
}

// TestTwinIsNotASecret replaces the twin of a photo by other files: they are not sent.
func TestTwinIsNotASecret(t *testing.T) {
	home := t.TempDir()
	dir := filepath.Join(home, "photos")
	data, err := testkit.Encode("a.jpg", testkit.Picture(1, 640, 480))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "a.jpg"), data)
	write(t, filepath.Join(dir, "a.cr2"), testkit.Raw(data, 1))
	s := launch(t, home)
	if _, code := s.run("index", "--quiet", dir); code != 0 {
		t.Fatal(code)
	}
	var all struct {
		Results []struct {
			ID    string
			Twins []string
		}
	}
	if s.must(s.ask("GET", "/api/v1/search", ""), http.StatusOK, &all); len(all.Results) != 1 || len(all.Results[0].Twins) != 1 {
		t.Fatalf("%+v", all)
	}
	path := "/api/v1/pictures/" + all.Results[0].ID + "/file?n=1"
	s.must(s.ask("GET", path, ""), http.StatusOK, nil)
	write(t, filepath.Join(dir, "notes.txt"), []byte("a secret"))
	twin := filepath.Join(dir, "a.cr2")
	for _, replace := range []func() error{
		func() error { return os.WriteFile(twin, []byte("a secret"), 0o600) },
		func() error { os.Remove(twin); return os.Symlink("notes.txt", twin) },
		func() error { os.Remove(twin); return os.Link(filepath.Join(dir, "notes.txt"), twin) },
	} {
		if err := replace(); err != nil {
			t.Skip(err)
		}
		if a := s.ask("GET", path, ""); a.status != http.StatusNotFound {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
}

// TestRemoved removes a root while the server runs, and indexes another folder, which gets its place in the index.
func TestRemoved(t *testing.T) {
	home, dir := newHome(t, 3, "--keep-previews")
	s := launch(t, home)
	var all struct{ Results []struct{ ID, Path string } }
	s.must(s.ask("GET", "/api/v1/search?sort=path", ""), http.StatusOK, &all)
	old := "/api/v1/pictures/" + all.Results[0].ID
	s.must(s.ask("GET", old+"/thumbnail?size=40", ""), http.StatusOK, nil)
	if _, code := s.run("roots", "rm", dir); code != 0 {
		t.Fatal(code)
	}
	other := filepath.Join(home, "other")
	album(t, other, 100, 2)
	if _, code := s.run("index", "--quiet", other); code != 0 {
		t.Fatal(code)
	}
	if s.must(s.ask("GET", "/api/v1/search?sort=path", ""), http.StatusOK, &all); len(all.Results) != 2 || !strings.HasPrefix(all.Results[0].Path, other) {
		t.Errorf("%+v", all)
	}
	s.must(s.ask("GET", "/api/v1/pictures/"+all.Results[0].ID+"/file", ""), http.StatusOK, nil)
	for _, path := range []string{old, old + "/thumbnail?size=40", old + "/thumbnail", old + "/thumbnail?size=50", old + "/image", old + "/file"} {
		if a := s.ask("GET", path, "", header("If-None-Match", `"`+old[len(old)-64:][:32]+`-40"`)); a.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	index, _ := filepath.Glob(filepath.Join(home, ".local", "share", "imgsearch", "index.db"))
	if err := os.Rename(index[0], index[0]+".away"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1200 * time.Millisecond)
	if a := s.ask("GET", "/api/v1/search?q=dog", ""); a.status != http.StatusServiceUnavailable { // not: there are no photos
		t.Errorf("without its index: %d %s", a.status, a.body)
	}
}

// TestSubstitute asks for a thumbnail that is larger than the preview while the disk is away: the preview is sent, but not kept.
func TestSubstitute(t *testing.T) {
	home := t.TempDir()
	dir := filepath.Join(home, "photos")
	big, err := testkit.Encode("a.jpg", testkit.Picture(2, 1200, 900))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "a.jpg"), big)
	s := launch(t, home)
	if _, code := s.run("index", "--quiet", "--keep-previews", dir); code != 0 {
		t.Fatal(code)
	}
	var all struct{ Results []struct{ ID string } }
	s.must(s.ask("GET", "/api/v1/search", ""), http.StatusOK, &all)
	path := "/api/v1/pictures/" + all.Results[0].ID + "/thumbnail?" + url.Values{"size": {"1000"}}.Encode()
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	small := s.ask("GET", path, "")
	if w, _, _ := testkit.Size(small.body); small.status != 200 || w != 597 || small.header.Get("Cache-Control") != "no-store" || small.header.Get("Etag") != "" {
		t.Errorf("%d, %d pixels, %v", small.status, w, small.header)
	}
	if err := os.Rename(dir+".away", dir); err != nil {
		t.Fatal(err)
	}
	whole := s.ask("GET", path, "")
	if w, _, _ := testkit.Size(whole.body); whole.status != 200 || w != 1000 || whole.header.Get("Etag") == "" {
		t.Errorf("%d, %d pixels, %v", whole.status, w, whole.header)
	}
	if a := s.ask("GET", path, "", header("If-None-Match", `"other", W/`+whole.header.Get("Etag"))); a.status != http.StatusNotModified {
		t.Errorf("%d", a.status)
	}
}
