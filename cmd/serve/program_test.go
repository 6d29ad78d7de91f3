package serve_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/imgsearch/imgsearch/cmd/internal/scenario"
)

// patience limits how long a test waits for what must happen.
const patience = time.Minute

// server is the real program, serving in a process of its own.
type server struct {
	t       testing.TB
	home    string
	address string
	process *exec.Cmd
	out     *output
	ended   chan struct{}
}

// output collects the output of a running program.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// launch starts a server in a home folder and waits until it is ready. The test's end kills it.
func launch(t testing.TB, home string, args ...string) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, home: home, address: l.Addr().String(), out: &output{}, ended: make(chan struct{})}
	l.Close()
	s.process = scenario.Command(t, home, append([]string{"serve", "--listen", s.address}, args...)...)
	s.process.Stdout, s.process.Stderr = s.out, s.out
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = s.process.Wait()
		close(s.ended)
	}()
	t.Cleanup(s.kill)
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		r, err := http.Get("http://" + s.address + "/readyz")
		if err == nil {
			r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return s
			}
		}
		select {
		case <-s.ended:
			t.Fatalf("the server has ended:\n%s", s.out)
		default:
		}
		if time.Now().After(end) {
			t.Fatalf("the server is not ready:\n%s", s.out)
		}
	}
}

// kill ends the server as a power cut would.
func (s *server) kill() {
	_ = s.process.Process.Kill()
	<-s.ended
}

// answered is an answer, read.
type answered struct {
	status int
	header http.Header
	body   []byte
}

// ask sends a request. change adds what a test needs to it.
func (s *server) ask(method, path, body string, change ...func(*http.Request)) answered {
	s.t.Helper()
	a, err := s.try(method, path, body, change...)
	if err != nil {
		s.t.Fatalf("%s %s: %v\n%s", method, path, err, s.out)
	}
	return a
}

func (s *server) try(method, path, body string, change ...func(*http.Request)) (a answered, err error) {
	r, err := http.NewRequest(method, "http://"+s.address+path, strings.NewReader(body))
	if err != nil {
		return a, err
	}
	for _, c := range change {
		c(r)
	}
	got, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return a, err
	}
	defer got.Body.Close()
	a = answered{status: got.StatusCode, header: got.Header}
	a.body, err = io.ReadAll(got.Body)
	return a, err
}

// must checks the status of an answer, and decodes its JSON into to unless that is nil.
func (s *server) must(a answered, status int, to any) {
	s.t.Helper()
	if a.status != status {
		s.t.Fatalf("status %d, want %d: %s\n%s", a.status, status, a.body, s.out)
	}
	if to == nil {
		return
	}
	if err := json.Unmarshal(a.body, to); err != nil {
		s.t.Fatalf("%v: %s", err, a.body)
	}
}

// session is what the tests read of a session.
type session struct {
	ID       int64
	State    string
	Priority string
	Waiting  *string
	Runs     int
	Progress struct {
		Scanned, Unchanged, Added, Updated, Embedded, Failed, Read, Found int
		Failures                                                          []struct{ Path, Reason string }
	}
	Error *struct{ Code, Message, Hint string }
}

const sessions = "/api/v1/training/sessions"

// submit adds a session.
func (s *server) submit(dir, priority string, force bool) (one session) {
	s.t.Helper()
	body, _ := json.Marshal(map[string]any{"training_directory": dir, "priority": priority, "force": force})
	a := s.ask("POST", sessions, string(body))
	s.must(a, http.StatusAccepted, &one)
	if want := fmt.Sprintf("%s/%d", sessions, one.ID); a.header.Get("Location") != want {
		s.t.Errorf("Location %q, want %q", a.header.Get("Location"), want)
	}
	return one
}

// until waits for a session to fulfil a condition.
func (s *server) until(id int64, what string, is func(session) bool) (one session) {
	s.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		s.must(s.ask("GET", fmt.Sprintf("%s/%d", sessions, id), ""), http.StatusOK, &one)
		if is(one) {
			return one
		}
	}
	s.t.Fatalf("session %d is not %s: %+v\n%s", id, what, one, s.out)
	return one
}

func (s *server) untilIn(id int64, state string) session {
	s.t.Helper()
	return s.until(id, state, func(one session) bool { return one.State == state })
}

// album writes n small pictures, all different from those with another first seed.
func album(t testing.TB, dir string, first, n int) {
	t.Helper()
	for i := range n {
		scenario.WritePicture(t, filepath.Join(dir, fmt.Sprintf("%03d.jpg", i)), first+i)
	}
}

// run runs the command line beside the server, with the same index.
func (s *server) run(args ...string) (stdout string, code int) {
	s.t.Helper()
	c := scenario.Command(s.t, s.home, args...)
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.Output()
	if c.ProcessState == nil {
		s.t.Fatal(err)
	}
	return string(out), c.ProcessState.ExitCode()
}

// newHome returns a home folder with an indexed album.
func newHome(t testing.TB, photos int, args ...string) (home, dir string) {
	t.Helper()
	home = t.TempDir()
	dir = filepath.Join(home, "photos")
	album(t, dir, 1, photos)
	c := scenario.Command(t, home, append([]string{"index", "--quiet", dir}, args...)...)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return home, dir
}

// header sets a header of a request.
func header(name, value string) func(*http.Request) {
	return func(r *http.Request) {
		if r.Header.Set(name, value); name == "Host" {
			r.Host = value
		}
	}
}

// write writes a file, and its folder.
func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}
