//go:build unix

package serve_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/imgsearch/imgsearch/cmd/internal/scenario"
)

// printed is what a search printed.
type printed struct {
	stdout, stderr string
	code           int
}

// elapsed is the one part of an answer that differs each time.
var elapsed = regexp.MustCompile(`"elapsed_ms":[0-9.]+`)

// search runs a search beside the server. input is its standard input.
func (s *server) search(input string, args ...string) printed {
	s.t.Helper()
	c := scenario.Command(s.t, s.home, append([]string{"search"}, args...)...)
	var out, errs bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(input), &out, &errs
	if err := c.Run(); c.ProcessState == nil {
		s.t.Fatal(err)
	}
	return printed{elapsed.ReplaceAllString(out.String(), ""), errs.String(), c.ProcessState.ExitCode()}
}

// searched returns how many searches of the command line the server has answered.
func (s *server) searched() int { return strings.Count(s.out.String(), "POST /search: 200") }

// socket waits for the socket beside the index, and returns its path.
func (s *server) socket() string {
	s.t.Helper()
	path := ""
	for end := time.Now().Add(patience); path == ""; time.Sleep(10 * time.Millisecond) {
		_ = filepath.WalkDir(s.home, func(at string, e os.DirEntry, err error) error {
			if err == nil && e.Type() == os.ModeSocket {
				path = at
			}
			return nil
		})
		if time.Now().After(end) {
			s.t.Fatalf("there is no socket beside the index:\n%s", s.out)
		}
	}
	return path
}

// TestSameAnswerThroughServer compares what searches print with and without the server.
func TestSameAnswerThroughServer(t *testing.T) {
	home, dir := newHome(t, 12)
	s := launch(t, home)
	if info, err := os.Stat(s.socket()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("socket: %v, %v", info.Mode(), err)
	}
	photo := filepath.Join(dir, "001.jpg")
	other := filepath.Join(t.TempDir(), "other.jpg")
	scenario.WritePicture(t, other, 99)
	if err := os.Remove(filepath.Join(dir, "007.jpg")); err != nil {
		t.Fatal(err)
	}
	const query = "a red square"
	for _, c := range []struct {
		args  []string
		input string
		local bool // the server is not asked
	}{
		{args: []string{query}},
		{args: []string{"--format", "paths", query}},
		{args: []string{"--format", "tsv", "--fields", "rank,score,path,id,bytes,missing", "blue things"}},
		{args: []string{"--format", "json", "stripes"}},
		{args: []string{"--format", "jsonl", "--include-missing", "green"}},
		{args: []string{"--format", "template={{.Rank}} {{.Score}} {{.Path}} {{.Relative}}", "a wall"}},
		{args: []string{"-0", "a colourful picture"}},
		{args: []string{"--all-paths", "--top", "50", "noise"}},
		{args: []string{"--explain", "--json", "beach", "--add", "0.5:sunset", "--subtract", "people"}},
		{args: []string{"--prompt", "a photo of {}", "--json", "a dog"}},
		{args: []string{"--confident", "a green dragon that eats a piano"}},
		{args: []string{"--min-score", "0", "--json", "zero"}},
		{args: []string{"--min-score", "0.99", "nothing at all"}},
		{args: []string{"--offset", "3", "--top", "3", "--json", "pages"}},
		{args: []string{"--offset", "3", "--sort", "date", "wrong"}},
		{args: []string{"--sort", "path", "--json"}},
		{args: []string{"--width", "0..", "--json", "--rating", "0..", "filtered"}},
		{args: []string{"--camera", "nokia", "no camera"}},
		{args: []string{"--under", dir, "--json", "a folder"}},
		{args: []string{"--under", "/nowhere", "another folder"}},
		{args: []string{"--image", photo, "--json"}},
		{args: []string{"--image", other, "--json"}},
		{args: []string{"--image", filepath.Join(home, "nosuch.jpg")}},
		{args: []string{"--like", photo, "--json"}},
		{args: []string{"--like", "00000000"}},
		{args: []string{"--model", "starter", "--json", "a named model"}},
		{args: []string{"--preview=blocks", "with thumbnails"}},
		{args: []string{"--html", "-", "a page"}},
		{args: []string{"--copy-to", filepath.Join(home, "copies"), "to copy"}},
		{args: []string{"--queries", "-"}, input: "one\ntwo\n\n\xff\nthree\n", local: true},
		{args: []string{"--from", "-", "listed"}, input: photo + "\n" + other + "\n", local: true},
		{args: []string{"--cpu", "on the processor"}, local: true},
		{args: []string{"--no-server", "--json", "alone"}, local: true},
		{args: []string{"--subtract", "x", "--add", "x"}},
	} {
		before := s.searched()
		through := s.search(c.input, c.args...)
		wasAsked := s.searched() > before
		os.RemoveAll(filepath.Join(home, "copies"))
		alone := s.search(c.input, append([]string{"--no-server"}, c.args...)...)
		os.RemoveAll(filepath.Join(home, "copies"))
		if through != alone {
			t.Errorf("%q:\nthrough the server: %+v\nalone:              %+v", c.args, through, alone)
		}
		if failed := through.code == 1 || through.code == 2; wasAsked && c.local || !wasAsked && !c.local && !failed {
			t.Errorf("%q: the server has answered: %v; status %d, %s", c.args, wasAsked, through.code, through.stderr)
		}
	}
}

// TestServerThatCannotAnswer checks that a search answers itself, soon, if the server is stopped, is gone, or has another model.
func TestServerThatCannotAnswer(t *testing.T) {
	home, dir := newHome(t, 3)
	s := launch(t, home)
	at := s.socket()
	want := s.search("", "--no-server", "--json", "a red square")
	check := func(what string) {
		t.Helper()
		before := s.searched()
		if got := s.search("", "--json", "a red square"); got != want {
			t.Errorf("%s: %+v, want %+v", what, got, want)
		}
		if s.searched() > before {
			t.Errorf("%s: the server was asked", what)
		}
	}
	stop(t, s, syscall.SIGSTOP)
	check("stopped")
	stop(t, s, syscall.SIGCONT)
	if got := s.search("", "--json", "--format", "json", "a red square"); got != want || s.searched() == 0 {
		t.Errorf("continued: %+v", got)
	}
	if os.Geteuid() == 0 { // a socket of another user
		if err := os.Chown(at, 12345, -1); err != nil {
			t.Fatal(err)
		}
		check("of another user")
		if err := os.Chown(at, 0, -1); err != nil {
			t.Fatal(err)
		}
	}
	// Another file has the index's place: the server must not answer from the one that it has open.
	index := strings.TrimSuffix(at, ".sock")
	moved := filepath.Join(t.TempDir(), "index.db")
	if err := os.Rename(index, moved); err != nil {
		t.Fatal(err)
	}
	if got := s.search("", "--json", "a red square"); got.code != 10 {
		t.Errorf("without an index: %+v", got)
	}
	if err := os.Rename(moved, index); err != nil {
		t.Fatal(err)
	}
	// A folder that is renamed takes the socket with it; another index has its place.
	dirOfIndex := filepath.Dir(index)
	if err := os.Rename(dirOfIndex, dirOfIndex+".moved"); err != nil {
		t.Fatal(err)
	}
	if _, code := s.run("index", "--quiet", dir); code != 0 {
		t.Fatal(code)
	}
	if got := s.search("", "--index", filepath.Join(dirOfIndex+".moved", filepath.Base(index)), "--json", "a red square"); got != want {
		t.Errorf("in a renamed folder: %+v, want %+v", got, want)
	}
	if err := os.RemoveAll(dirOfIndex); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(dirOfIndex+".moved", dirOfIndex); err != nil {
		t.Fatal(err)
	}
	s.kill()
	check("killed")
	if _, err := os.Lstat(at); err != nil {
		t.Error("a killed server leaves its socket:", err)
	}
	s = launch(t, home)
	s.socket()
	for end := time.Now().Add(patience); s.searched() == 0 && time.Now().Before(end); { // the new server replaces the old socket
		s.search("", "--json", "again")
	}
	if s.searched() == 0 {
		t.Errorf("the new server was not asked:\n%s", s.out)
	}
	stop(t, s, syscall.SIGTERM)
	<-s.ended
	if _, err := os.Lstat(at); err == nil {
		t.Error("the socket is still there after an orderly end")
	}
}

func stop(t *testing.T, s *server, signal os.Signal) {
	t.Helper()
	if err := s.process.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond)
}

// TestReadOnlyServerMakesNoSocket checks that a read-only server writes nothing beside the index.
func TestReadOnlyServerMakesNoSocket(t *testing.T) {
	home, _ := newHome(t, 1)
	list := func() (names []string) {
		_ = filepath.WalkDir(filepath.Join(home), func(at string, e os.DirEntry, err error) error {
			if err == nil && (e.Type() == os.ModeSocket || strings.HasSuffix(at, ".sock")) {
				names = append(names, at)
			}
			return nil
		})
		return names
	}
	launch(t, home, "--read-only")
	time.Sleep(200 * time.Millisecond)
	if names := list(); len(names) > 0 {
		t.Error(fmt.Sprint(names))
	}
}
