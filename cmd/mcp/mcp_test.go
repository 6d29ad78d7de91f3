package mcp_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"image/jpeg"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/imgsearch/imgsearch/cmd/internal/scenario"
	"github.com/imgsearch/imgsearch/internal/testkit"
)

func TestMain(m *testing.M) { scenario.Main(m) }

func TestScenarios(t *testing.T) { scenario.Run(t) }

// newHome returns a home folder with an indexed album: n small pictures, and a large one that does not compress well, which comes first by name.
func newHome(t *testing.T, n int) (home, dir string) {
	t.Helper()
	home = t.TempDir()
	dir = filepath.Join(home, "photos")
	for i := range n {
		scenario.WritePicture(t, filepath.Join(dir, fmt.Sprintf("%03d.jpg", i)), i+1)
	}
	noise, err := testkit.Encode("a.png", testkit.Noise(1, 1600, 1200))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "_noise.png"), noise, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := scenario.Command(t, home, "index", "--quiet", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return home, dir
}

// connect starts a conversation over a transport.
func connect(t *testing.T, transport mcp.Transport) *mcp.ClientSession {
	t.Helper()
	c := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	s, err := c.Connect(t.Context(), transport, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// overPipes starts `imgsearch mcp`, and overHTTP `imgsearch serve --mcp`.
func overPipes(t *testing.T, home string) *mcp.ClientSession {
	c := scenario.Command(t, home, "mcp")
	var errs bytes.Buffer
	c.Stderr = &errs
	t.Cleanup(func() {
		if text := errs.String(); strings.Contains(text, "error") || strings.Contains(text, "panic") {
			t.Error(text)
		}
	})
	return connect(t, &mcp.CommandTransport{Command: c})
}

func overHTTP(t *testing.T, home string) *mcp.ClientSession {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	c := scenario.Command(t, home, "serve", "--mcp", "--listen", address)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if r, err := http.Get("http://" + address + "/readyz"); err == nil {
			r.Body.Close()
			if r.StatusCode == http.StatusOK {
				break
			}
		}
		if time.Now().After(end) {
			t.Fatal("the server is not ready")
		}
	}
	return connect(t, &mcp.StreamableClientTransport{Endpoint: "http://" + address + "/mcp"})
}

// result is what a tool has answered.
type result struct {
	texts    []string
	pictures [][]byte
	isError  bool
}

// call calls a tool, and decodes its structured content into to unless that is nil.
func call(t *testing.T, s *mcp.ClientSession, tool string, arguments map[string]any, to any) (r result) {
	t.Helper()
	got, err := s.CallTool(t.Context(), &mcp.CallToolParams{Name: tool, Arguments: arguments})
	if err != nil {
		t.Fatalf("%s %v: %v", tool, arguments, err)
	}
	r.isError = got.IsError
	size := 0
	for _, c := range got.Content {
		switch c := c.(type) {
		case *mcp.TextContent:
			r.texts = append(r.texts, c.Text)
		case *mcp.ImageContent:
			if c.MIMEType != "image/jpeg" {
				t.Errorf("%s: %s", tool, c.MIMEType)
			}
			size += len(c.Data)
			r.pictures = append(r.pictures, c.Data)
		}
	}
	if size > 700_000 {
		t.Errorf("%s %v: %d bytes of pictures", tool, arguments, size)
	}
	if to == nil {
		return r
	}
	data, err := json.Marshal(got.StructuredContent)
	if err == nil {
		err = json.Unmarshal(data, to)
	}
	if err != nil || r.isError {
		t.Fatalf("%s %v: %v, %v", tool, arguments, err, r.texts)
	}
	if !json.Valid([]byte(r.texts[0])) || !strings.Contains(r.texts[0], `"`) {
		t.Errorf("%s: the text is not the answer: %s", tool, r.texts[0])
	}
	return r
}

// sides returns the sides of a JPEG.
func sides(t *testing.T, data []byte) (width, height int) {
	t.Helper()
	c, err := jpeg.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return c.Width, c.Height
}

type found struct {
	Photos []struct {
		ID, URI, Path string
		Rank          int
		Score         *float64
		Width         int
	}
	Searched int
	Verdict  string
	Message  string
}

// TestTools calls every tool, over both transports.
func TestTools(t *testing.T) {
	home, dir := newHome(t, 12)
	for name, open := range map[string]func(*testing.T, string) *mcp.ClientSession{"pipes": overPipes, "http": overHTTP} {
		t.Run(name, func(t *testing.T) {
			s := open(t, home)
			tools, err := s.ListTools(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			names := ""
			for _, tool := range tools.Tools {
				names += " " + tool.Name
				if a := tool.Annotations; a == nil || !a.ReadOnlyHint || a.OpenWorldHint == nil || *a.OpenWorldHint {
					t.Errorf("%s: annotations %+v", tool.Name, a)
				}
			}
			if names != " find_similar get_photo index_status list_facets search_photos" {
				t.Errorf("tools:%s", names)
			}

			var all found
			r := call(t, s, "search_photos", map[string]any{"query": "a red square", "top": 5, "thumbnails": true}, &all)
			if len(all.Photos) != 5 || all.Searched != 13 || len(r.pictures) != 5 || all.Photos[0].Score == nil || all.Photos[4].Rank != 5 || all.Verdict == "" {
				t.Errorf("search: %+v, %d pictures", all, len(r.pictures))
			}
			for i, p := range r.pictures {
				if w, h := sides(t, p); max(w, h) > 256 {
					t.Errorf("thumbnail of %d x %d", w, h)
				}
				if !strings.Contains(r.texts[i+1], all.Photos[i].ID) {
					t.Errorf("thumbnail %d is labelled %q", i, r.texts[i+1])
				}
			}
			var page found
			call(t, s, "search_photos", map[string]any{"query": "a red square", "top": 2, "offset": 3}, &page)
			if page.Photos[0].ID != all.Photos[3].ID || page.Photos[0].Rank != 4 {
				t.Errorf("second page: %+v", page)
			}
			var listed found
			call(t, s, "search_photos", map[string]any{"type": []string{"png"}, "sort": "path"}, &listed)
			if len(listed.Photos) != 1 || listed.Photos[0].Path != filepath.Join(dir, "_noise.png") || listed.Photos[0].Score != nil {
				t.Errorf("list: %+v", listed)
			}
			noise := listed.Photos[0].ID
			var none found
			call(t, s, "search_photos", map[string]any{"query": "x", "camera": "nokia"}, &none)
			if none.Photos == nil || len(none.Photos) != 0 || none.Message != "no matching photos (0 searched)" {
				t.Errorf("no hits: %+v", none)
			}

			var similar found
			call(t, s, "find_similar", map[string]any{"id": noise[:12], "top": 50}, &similar)
			if len(similar.Photos) != 12 || strings.Contains(fmt.Sprint(similar), noise) {
				t.Errorf("similar: %+v", similar)
			}

			var photo struct {
				ID    string
				Files []struct{ Path string }
			}
			r = call(t, s, "get_photo", map[string]any{"id": noise}, &photo)
			if w, h := sides(t, r.pictures[0]); photo.ID != noise || len(photo.Files) != 1 || max(w, h) > 1024 || max(w, h) < 400 {
				t.Errorf("photo: %+v, %d x %d, %d bytes", photo, w, h, len(r.pictures[0]))
			}
			r = call(t, s, "get_photo", map[string]any{"id": noise, "size": 100}, &photo)
			if w, h := sides(t, r.pictures[0]); w != 100 || h != 75 {
				t.Errorf("%d x %d", w, h)
			}

			var facet struct {
				Values []struct {
					Value    string
					Pictures int
				}
				Total int
			}
			call(t, s, "list_facets", map[string]any{"by": "type", "top": 1}, &facet)
			if len(facet.Values) != 1 || facet.Total != 2 || facet.Values[0].Pictures != 12 {
				t.Errorf("facet: %+v", facet)
			}
			var status struct{ Pictures int }
			if call(t, s, "index_status", nil, &status); status.Pictures != 13 {
				t.Errorf("status: %+v", status)
			}

			read, err := s.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: all.Photos[0].URI})
			if err != nil || len(read.Contents) != 1 || read.Contents[0].MIMEType != "image/jpeg" || len(read.Contents[0].Blob) == 0 {
				t.Errorf("resource: %+v, %v", read, err)
			}
			if _, err := s.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: "photo://0000000000"}); err == nil {
				t.Error("a resource that does not exist was read")
			}
		})
	}
}

// TestErrorsHaveHints checks that what an agent does wrong is an error that it can read.
func TestErrorsHaveHints(t *testing.T) {
	home, _ := newHome(t, 2)
	s := overPipes(t, home)
	for _, c := range []struct {
		tool      string
		arguments map[string]any
		want      string
	}{
		{"search_photos", map[string]any{"query": " "}, "query: the query has no words\nhint: describe what the photos show"},
		{"search_photos", map[string]any{"query": 7}, "query: not a string"},
		{"search_photos", map[string]any{"query": strings.Repeat("dog ", 1000)}, "query: it is longer than 2000 bytes"},
		{"search_photos", map[string]any{"top": 99}, "top: invalid value 99; use a number from 1 to 50"},
		{"search_photos", map[string]any{"top": 1.5}, "top: not an integer"},
		{"search_photos", map[string]any{"thumbnails": "yes"}, "thumbnails: not true or false"},
		{"search_photos", map[string]any{"keyword": "family"}, "keyword: not a list of strings"},
		{"search_photos", map[string]any{"path": "/etc/passwd"}, "path: unknown parameter\nhint: the parameters are after, "},
		{"search_photos", map[string]any{"under": []string{"photos"}}, "under: not an absolute path\nhint: "},
		{"search_photos", map[string]any{"rating": "many"}, "rating: \"many\" is not a valid number\nhint: "},
		{"search_photos", map[string]any{"confident": true}, "confident: it needs a query\nhint: "},
		{"search_photos", map[string]any{"query": "dog", "sort": "date", "offset": 3}, "with a query and another order than score, the best hits are chosen before sorting\nhint: "},
		{"search_photos", map[string]any{"sort": "size"}, "sort: invalid value \"size\"; use one of score, date, path"},
		{"find_similar", nil, "id: missing\nhint: "},
		{"find_similar", map[string]any{"id": "../../etc/passwd"}, "not an id of a photo\nhint: "},
		{"get_photo", map[string]any{"id": "0000000000"}, "no picture has an id that begins with 0000000000\nhint: search_photos answers with ids"},
		{"list_facets", map[string]any{"by": "colour"}, "by: invalid value \"colour\"; use one of camera, "},
	} {
		r := call(t, s, c.tool, c.arguments, nil)
		if !r.isError || !strings.HasPrefix(r.texts[0], c.want) || len(r.texts) != 1 {
			t.Errorf("%s %v: %v, %q, want %q", c.tool, c.arguments, r.isError, r.texts, c.want)
		}
	}
}

// TestNullArguments checks that null is the same as leaving an argument out.
func TestNullArguments(t *testing.T) {
	home, _ := newHome(t, 2)
	c := scenario.Command(t, home, "mcp")
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Wait()
	defer in.Close()
	lines := bufio.NewScanner(out)
	for i, message := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}`,
		`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"search_photos","arguments":null}}`,
		`{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"search_photos","arguments":{"top":null,"camera":null,"type":["png"]}}}`,
		`{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"find_similar","arguments":null}}`,
	} {
		fmt.Fprintln(in, message)
		if !lines.Scan() {
			t.Fatal("the program has ended")
		}
		if want := []string{`"serverInfo"`, `"searched":3`, `"searched":1`, `"isError":true`}[i]; !strings.Contains(lines.Text(), want) {
			t.Errorf("%s: no %s in %s", message, want, lines.Text())
		}
	}
}

// TestUnreadablePhotos checks that a photo whose file is gone is still described.
func TestUnreadablePhotos(t *testing.T) {
	home, dir := newHome(t, 2)
	s := overPipes(t, home)
	var all found
	call(t, s, "search_photos", map[string]any{"sort": "path"}, &all)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	var photo struct{ ID string }
	r := call(t, s, "get_photo", map[string]any{"id": all.Photos[0].ID}, &photo)
	if photo.ID != all.Photos[0].ID || len(r.pictures) != 0 || len(r.texts) != 2 || !strings.HasPrefix(r.texts[1], "no picture: no file of this picture can be read now\nhint: ") {
		t.Errorf("%+v", r)
	}
	r = call(t, s, "search_photos", map[string]any{"thumbnails": true}, &all)
	if len(r.pictures) != 0 || len(r.texts) != 4 || !strings.Contains(r.texts[1], "no file of this photo can be read now") {
		t.Errorf("%+v", r)
	}
}

// TestEmptyIndex checks what an agent learns before anything is indexed.
func TestEmptyIndex(t *testing.T) {
	s := overPipes(t, t.TempDir())
	var all found
	call(t, s, "search_photos", map[string]any{"query": "dog"}, &all)
	if !strings.HasPrefix(all.Message, "nothing is indexed in /") || !strings.HasSuffix(all.Message, "index.db yet; add photos with `imgsearch index DIR`, or choose another index with --index FILE") {
		t.Errorf("%+v", all)
	}
}

// TestManyThumbnails checks that a result with large thumbnails is cut before it is too large for clients.
func TestManyThumbnails(t *testing.T) {
	home := t.TempDir()
	dir := filepath.Join(home, "photos")
	for i := range 50 {
		data, err := testkit.Encode("a.png", testkit.Noise(i, 300, 300))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i, ".png")), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := scenario.Command(t, home, "index", "--quiet", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var all found
	r := call(t, overPipes(t, home), "search_photos", map[string]any{"top": 50, "thumbnails": true}, &all)
	if len(all.Photos) != 50 || len(r.pictures) == 50 || len(r.pictures) == 0 || !strings.HasPrefix(r.texts[len(r.texts)-1], "no more thumbnails") {
		t.Errorf("%d photos, %d pictures, %q", len(all.Photos), len(r.pictures), r.texts[len(r.texts)-1])
	}
}

// TestEnd checks that the program ends when the conversation does, and writes nothing but messages.
func TestEnd(t *testing.T) {
	home, _ := newHome(t, 1)
	c := scenario.Command(t, home, "mcp")
	c.Stdin = strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}` + "\n")
	var out bytes.Buffer
	c.Stdout = &out
	ended := make(chan error, 1)
	go func() { ended <- c.Run() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		_ = c.Process.Kill()
		t.Fatal("it does not end")
	}
	for line := range strings.Lines(out.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("not a message: %q", line)
		}
	}
}
