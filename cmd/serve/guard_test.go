package serve_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestStrangers checks who is refused: names that may be anybody's, and pages of other sites.
func TestStrangers(t *testing.T) {
	home, _ := newHome(t, 1)
	s := launch(t, home, "--host", "nas.example")
	port := s.address[strings.LastIndex(s.address, ":"):]
	for host, status := range map[string]int{
		"localhost": 200, "LOCALHOST" + port: 200, "127.0.0.1": 200, "[::1]" + port: 200, "192.168.1.5": 200, "nas.example" + port: 200, "NAS.example.": 200, "a.localhost": 200,
		"evil.example": 421, "localhost.evil.example": 421, "127.0.0.1.evil.example" + port: 421, "nas.example.evil": 421, "xnas.example": 421,
	} {
		if a := s.ask("GET", "/api/v1/status", "", header("Host", host)); a.status != status {
			t.Errorf("%s: %d, want %d", host, a.status, status)
		}
	}
	for name, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "http://evil.example"} {
		if a := s.ask("POST", sessions, `{"training_directory": "/"}`, header(name, value)); a.status != http.StatusForbidden || strings.Contains(string(a.body), "--allow") {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	a := s.ask("GET", "/api/v1/docs", "")
	policy := a.header.Get("Content-Security-Policy")
	if s.must(a, 200, nil); !strings.Contains(policy, "default-src 'none'; style-src 'sha256-") || strings.Contains(string(a.body), "//") && strings.Contains(string(a.body), "src=") {
		t.Errorf("%s", policy)
	}
	for _, name := range []string{"X-Content-Type-Options", "Referrer-Policy", "Cross-Origin-Resource-Policy"} {
		if a.header.Get(name) == "" {
			t.Errorf("no %s", name)
		}
	}
	for method, path := range map[string]string{"PUT": "/api/v1/search", "DELETE": "/api/v1/search", "GET": "/nosuch", "POST": "/api/v1/nosuch"} {
		if a := s.ask(method, path, ""); a.status != 404 && a.status != 405 || a.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s: %d %v", method, path, a.status, a.header)
		}
	}
}

// TestToken checks what needs the token, the login page, and that guessing is slow.
func TestToken(t *testing.T) {
	home, _ := newHome(t, 1)
	file := filepath.Join(home, "token")
	const token = "a-token-of-32-letters-and-digits"
	write(t, file, []byte(token+"\n"))
	s := launch(t, home, "--token-file", file, "--metrics")
	for _, path := range []string{"/api/v1/search?q=dog", "/api/v1/status", "/api/v1/docs", "/api/v1/openapi.json", "/metrics", sessions, "/nosuch"} {
		if a := s.ask("GET", path, ""); a.status != http.StatusUnauthorized || a.header.Get("Www-Authenticate") != "Bearer" {
			t.Errorf("%s without a token: %d", path, a.status)
		}
	}
	for _, path := range []string{"/healthz", "/readyz", "/login"} {
		s.must(s.ask("GET", path, ""), http.StatusOK, nil)
	}
	s.must(s.ask("GET", "/api/v1/status", "", header("Authorization", "Bearer "+token)), http.StatusOK, nil)
	form := func(token, to string) answered {
		return s.ask("POST", "/login", url.Values{"token": {token}, "to": {to}}.Encode(), header("Content-Type", "application/x-www-form-urlencoded"))
	}
	a := form(token, "/api/v1/status?failures=true")
	cookie := a.header.Get("Set-Cookie")
	if a.status != http.StatusSeeOther || a.header.Get("Location") != "/api/v1/status?failures=true" || !strings.Contains(cookie, "HttpOnly; SameSite=Strict") || strings.Contains(cookie, token) {
		t.Errorf("login: %d %v", a.status, a.header)
	}
	value, _, _ := strings.Cut(cookie, ";")
	s.must(s.ask("GET", "/api/v1/status", "", header("Cookie", value)), http.StatusOK, nil)
	s.must(s.ask("GET", "/api/v1/status", "", header("Cookie", "imgsearch="+token)), http.StatusUnauthorized, nil)
	for _, to := range []string{"https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/x\r\nSet-Cookie: a=b", ""} {
		if a := form(token, to); a.header.Get("Location") != "/" {
			t.Errorf("login leads to %q", a.header.Get("Location"))
		}
	}
	if a := s.ask("GET", "/api/v1/docs", "", header("Accept", "text/html")); a.status != http.StatusSeeOther || a.header.Get("Location") != "/login?to=%2Fapi%2Fv1%2Fdocs" {
		t.Errorf("a browser: %d %v", a.status, a.header)
	}
	if a := s.ask("GET", "/login?to=%22%3E%3Cscript%3E", ""); strings.Contains(string(a.body), "<script") {
		t.Errorf("%s", a.body)
	}
	slowed := false
	for i := range 20 {
		guess := header("Authorization", fmt.Sprint("Bearer guess", i))
		if i%2 > 0 {
			guess = header("Cookie", fmt.Sprint("imgsearch=guess", i))
		}
		a := s.ask("GET", "/api/v1/status", "", guess)
		if a.status == http.StatusTooManyRequests && a.header.Get("Retry-After") != "" {
			slowed = true
			break
		}
		if a.status != http.StatusUnauthorized {
			t.Errorf("a guess: %d", a.status)
		}
	}
	if !slowed {
		t.Error("guesses are not slowed")
	}
	if a := form("another guess", ""); a.status != http.StatusTooManyRequests {
		t.Errorf("the login page does not slow guesses: %d", a.status)
	}
	s.must(form(token, ""), http.StatusSeeOther, nil)                                       // a long token cannot be guessed, so it is not made to wait
	s.must(s.ask("GET", "/api/v1/status", "", header("Cookie", value)), http.StatusOK, nil) // who is logged in stays so
}

// TestRough sends what honest clients do not send: large bodies, silence, halves. The server answers others meanwhile.
func TestRough(t *testing.T) {
	home, _ := newHome(t, 2)
	s := launch(t, home)
	for range 200 {
		c, err := net.Dial("tcp", s.address)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprintf(c, "GET /api/v1/search?q=dog HTTP/1.1\r\nHost: localhost\r\nX-Half:")
	}
	if a := s.ask("POST", "/api/v1/search", `{"q": "`+strings.Repeat("x", 100_000)+`"}`, header("Content-Type", "application/json")); a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a large body: %d", a.status)
	}
	for _, kind := range []string{"application/json", "multipart/form-data; boundary=x"} {
		c, err := net.Dial("tcp", s.address) // claims a gigabyte
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprintf(c, "POST /api/v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nContent-Length: 1073741824\r\n\r\n", kind)
		if status := statusOf(c); status != http.StatusRequestEntityTooLarge {
			t.Errorf("a gigabyte of %s: %d", kind, status)
		}
	}
	c, err := net.Dial("tcp", s.address) // chunks without an end
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "POST /api/v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
	if status := statusOf(c); status != http.StatusBadRequest {
		t.Errorf("wrong chunks: %d", status)
	}
	// The server may close the connection before the client has sent all of it.
	if a, err := s.try("GET", "/api/v1/search?q="+strings.Repeat("x", 60_000), ""); err == nil && a.status != http.StatusRequestHeaderFieldsTooLarge && a.status != http.StatusUnprocessableEntity {
		t.Errorf("a long address: %d", a.status)
	}
	for _, q := range []string{"q=%ff%fe", "q=%00", "q=%20", "under=%00/", "name=%5B", "keyword=" + strings.Repeat("*a", 500), "rating=9999999999999999999999", "near=nan,nan", "taken=..", "offset=99999999", "top=10000", "like=zzzzzzzz"} {
		if a := s.ask("GET", "/api/v1/search?"+q, ""); a.status >= 500 {
			t.Errorf("%s: %d %s", q, a.status, a.body)
		}
	}
	s.must(s.ask("GET", "/api/v1/search?q=dog", ""), http.StatusOK, nil)
}

// statusOf returns the status of the answer on a connection; 0: there is none.
func statusOf(c net.Conn) int {
	a, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0
	}
	a.Body.Close()
	return a.StatusCode
}

// TestStops ends the server under load: what it has begun to answer it answers, and it ends within ten seconds, a session and a stream included.
func TestStops(t *testing.T) {
	home := t.TempDir()
	dir := filepath.Join(home, "photos")
	album(t, dir, 1, 500)
	s := launch(t, home, "--allow", dir, "--jobs", "1")
	one := s.submit(dir, "normal", false)
	s.until(one.ID, "running", func(one session) bool { return one.Progress.Read > 0 })
	stream, err := http.Get(fmt.Sprintf("http://%s%s/%d/events", s.address, sessions, one.ID))
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var clients sync.WaitGroup
	for i := range 8 {
		clients.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				a, err := s.try("GET", fmt.Sprintf("/api/v1/search?q=dog+%d+%d", i, n), "")
				if err != nil { // the server has ended: it took no more requests
					return
				}
				if a.status != http.StatusOK && a.status != http.StatusServiceUnavailable {
					t.Errorf("status %d: %s", a.status, a.body)
				}
			}
		})
	}
	time.Sleep(500 * time.Millisecond)
	begin := time.Now()
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Skip(err)
	}
	select {
	case <-s.ended:
	case <-time.After(15 * time.Second):
		t.Fatalf("the server does not end\n%s", s.out)
	}
	if took := time.Since(begin); took > 10*time.Second || s.process.ProcessState.ExitCode() != 0 {
		t.Errorf("it ended after %v with %v\n%s", took, s.process.ProcessState, s.out)
	}
	clients.Wait()
	_, _ = io.Copy(io.Discard, stream.Body)
	if left, _ := filepath.Glob(filepath.Join(home, ".local", "share", "imgsearch", "*.inflight*")); len(left) > 0 {
		if info, err := os.Stat(left[0]); err == nil && info.Size() > 0 {
			t.Errorf("a journal is left: %v", left)
		}
	}
	s = launch(t, home, "--allow", dir)
	if done := s.untilIn(one.ID, "done"); done.Runs != 2 || done.Progress.Added != 500 {
		t.Errorf("%+v", done)
	}
}
