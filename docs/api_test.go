package docs_test

import (
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// example is a block of commands or of Python in a page.
var example = regexp.MustCompile("(?ms)^```(sh|python)\n(.*?)^```$")

// shown are the examples of docs/api.md in the page's order, by their beginnings, with what they must print.
var shown = []struct{ begins, prints string }{
	{"curl 'http://127.0.0.1:7463/api/v1/search?q=dog+on+beach", `"results":\[\{"rank":1,"score":-?0\..*"rank":3`},
	{"curl -G http://127.0.0.1:7463/api/v1/search", `"query":"beach \+ 0\.5:sunset - people".*"indexed":0,"results":\[\]`},
	{"curl http://127.0.0.1:7463/api/v1/search -H 'Content-Type", `"query":"dog - 0\.5:snow".*"format":"jpeg"`},
	{"curl http://127.0.0.1:7463/api/v1/search -F image", `"results":\[\{"rank":1,"score":(1|0\.999\d+),"path":"[^"]*IMG_1\.jpg"`},
	{"import json, urllib.parse", `(?m)^-?0\.\d+ /.*\.(jpg|png) /api/v1/pictures/[0-9a-f]{64}/thumbnail$`},
	{"curl 'http://127.0.0.1:7463/api/v1/facets?by=year'", `(?s)"values":\[\{"value":"2023","pictures":1\}.*"months":\[\{"month":"2023-07","pictures":1\}\],"undated":4,"pictures":5.*"pictures":5`},
	{"id=$(curl -s", `(?m)^/.*\.(jpg|png)$`},
	{"curl -i -d", `(?s)202 Accepted.*Location: /api/v1/training/sessions/1\b.*"priority":"high"`},
	{"curl http://127.0.0.1:7463/api/v1/training/sessions", `(?s)"sessions":\[\{"schema":1,"id":1.*event: session\ndata: .*"state":"done".*the session has ended`},
	{"import json, os, urllib.request", `(?m)^done 0 of 0$`},
}

// TestAPI runs the examples of docs/api.md against a server over the reader's photos.
func TestAPI(t *testing.T) {
	for _, tool := range []string{"curl", "python3"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("no ", tool)
		}
	}
	r := newReader(t)
	r.run(t, 0, "imgsearch index --quiet ~/Pictures")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	c := exec.CommandContext(t.Context(), "sh", "-c", "exec imgsearch serve --quiet --listen "+address)
	c.Dir, c.Env = r.home, r.env
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = c.Process.Signal(os.Interrupt)
		_ = c.Wait()
	}()
	for range 600 {
		if a, err := http.Get("http://" + address + "/readyz"); err == nil {
			a.Body.Close()
			if a.StatusCode == http.StatusOK {
				break
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	page, err := os.ReadFile("api.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := example.FindAllStringSubmatch(string(page), -1)
	if len(blocks) != len(shown) {
		t.Fatalf("the page has %d examples, the test %d", len(blocks), len(shown))
	}
	for i, want := range shown {
		text := blocks[i][2]
		if !strings.HasPrefix(text, want.begins) {
			t.Errorf("example %d begins with\n%s\nwant %s", i, text, want.begins)
			continue
		}
		text = strings.ReplaceAll(text, "127.0.0.1:7463", address)
		if blocks[i][1] == "python" {
			file := filepath.Join(r.home, "example.py")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			text = "python3 " + file
		}
		if got, _ := r.run(t, 0, text); !regexp.MustCompile(want.prints).MatchString(got) {
			t.Errorf("%s\nprints\n%s\nwant %s", text, got, want.prints)
		}
	}
}
