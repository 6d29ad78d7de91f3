//go:build unix

package cmd_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/imgsearch/imgsearch/internal/testkit"
)

// imgsearch is the real program, as testscript's TestMain makes it of the test binary.
func imgsearch(t *testing.T, home string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self, args...)
	c.Args[0] = "imgsearch"
	c.Env = append(os.Environ(), "HOME="+home, "XDG_DATA_HOME=", "XDG_CACHE_HOME=", "XDG_STATE_HOME=", "IMGSEARCH_INDEX=", "IMGSEARCH_ORT_LIB="+testkit.RuntimeLibrary(t))
	return c
}

type runSummary struct {
	Complete    bool `json:"complete"`
	Scanned     int  `json:"scanned"`
	Added       int  `json:"added"`
	Unchanged   int  `json:"unchanged"`
	Failed      int  `json:"failed"`
	FailedKnown int  `json:"failed_known"`
}

func summaryOf(t *testing.T, c *exec.Cmd) (s runSummary, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	err = c.Run()
	if jsonErr := json.Unmarshal(out.Bytes(), &s); jsonErr != nil {
		t.Fatalf("%v (%v): %s%s", jsonErr, err, out.String(), errs.String())
	}
	return s, err
}

// filesOf is the number of files that status tells; 0 without an index.
func filesOf(t *testing.T, home string) int {
	t.Helper()
	c := imgsearch(t, home, "status", "--json")
	var errs bytes.Buffer
	c.Stderr = &errs
	out, err := c.Output()
	if c.ProcessState.ExitCode() == 10 {
		return 0
	}
	var s struct{ Files int }
	if err == nil {
		err = json.Unmarshal(out, &s)
	}
	if err != nil {
		t.Fatalf("status: %v: %s%s", err, out, errs.String())
	}
	return s.Files
}

// waitForFiles waits until a running indexer has committed more than so many files.
func waitForFiles(t *testing.T, home string, more int) {
	t.Helper()
	for range 600 {
		if filesOf(t, home) > more {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the indexer commits nothing")
}

// TestLongKillNine kills the indexer without warning, again and again: each next run continues, nothing is lost but what a
// second may make, and the index stays sound.
func TestLongKillNine(t *testing.T) {
	home, photos := t.TempDir(), t.TempDir()
	const n = 400
	for i := range n {
		writePicture(t, filepath.Join(photos, fmt.Sprintf("%03d.jpg", i)), i)
	}
	before := 0
	for range 3 {
		c := imgsearch(t, home, "index", photos)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		waitForFiles(t, home, before)
		if err := c.Process.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Fatal(err)
		}
		_ = c.Wait()
		files := filesOf(t, home)
		if files <= before {
			t.Fatalf("%d files after a kill, %d before the run", files, before)
		}
		before = files
	}
	// A kill that hits a file twice, the second time while it is read alone, sets it aside: hence --retry-failed.
	s, err := summaryOf(t, imgsearch(t, home, "index", "--json", "--retry-failed", photos))
	if err != nil || !s.Complete || s.Added+s.Unchanged != n || s.Failed+s.FailedKnown != 0 || s.Unchanged < before {
		t.Fatalf("the run that may end: %+v, %v", s, err)
	}
	out, err := imgsearch(t, home, "doctor").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "is sound") {
		t.Errorf("doctor: %v\n%s", err, out)
	}
}

// TestInterrupt: the first Ctrl-C commits what is done and exits 130; the next run continues.
func TestInterrupt(t *testing.T) {
	home, photos := t.TempDir(), t.TempDir()
	const n = 300
	for i := range n {
		writePicture(t, filepath.Join(photos, fmt.Sprintf("%03d.jpg", i)), i)
	}
	c := imgsearch(t, home, "index", "--json", photos)
	var out bytes.Buffer
	c.Stdout = &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	waitForFiles(t, home, 0)
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	err := c.Wait()
	var s runSummary
	if jsonErr := json.Unmarshal(out.Bytes(), &s); jsonErr != nil {
		t.Fatalf("%v: %q", jsonErr, out.String())
	}
	if code := c.ProcessState.ExitCode(); code != 130 || s.Complete || s.Added == n {
		t.Fatalf("exit %d (%v), %+v", code, err, s)
	}
	next, err := summaryOf(t, imgsearch(t, home, "index", "--json"))
	if err != nil || !next.Complete || next.Unchanged != s.Added || next.Added != n-s.Added {
		t.Errorf("the next run: %+v, %v; %d were done", next, err, s.Added)
	}
}

// TestSecondIndexer: one at a time; searching goes on meanwhile.
func TestSecondIndexer(t *testing.T) {
	home, photos := t.TempDir(), t.TempDir()
	for i := range 600 {
		writePicture(t, filepath.Join(photos, fmt.Sprintf("%03d.jpg", i)), i)
	}
	first := imgsearch(t, home, "index", photos)
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = first.Process.Kill()
		_ = first.Wait()
	}()
	waitForFiles(t, home, 0)
	for _, c := range []struct {
		args []string
		code int
	}{
		{[]string{"index", photos}, 11},
		{[]string{"index", "--if-idle", photos}, 0},
		{[]string{"roots", "rm", photos}, 11},
		{[]string{"search", "--top", "1", "waves"}, 0},
		{[]string{"status"}, 0},
	} {
		run := imgsearch(t, home, c.args...)
		out, err := run.CombinedOutput()
		if run.ProcessState.ExitCode() != c.code {
			t.Errorf("%v: exit %d (%v), want %d: %s", c.args, run.ProcessState.ExitCode(), err, c.code, out)
		}
	}
}

// TestPipeIntoHead: a reader that has enough ends the program quietly.
func TestPipeIntoHead(t *testing.T) {
	home, photos := t.TempDir(), t.TempDir()
	writePicture(t, filepath.Join(photos, "a.jpg"), 1)
	if out, err := imgsearch(t, home, "index", photos).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	c := imgsearch(t, home, "search", "--queries", "-")
	c.Stdin = strings.NewReader(strings.Repeat("waves\n", 200))
	c.Stdout = w
	var errs bytes.Buffer
	c.Stderr = &errs
	_ = c.Run()
	w.Close()
	if errs.Len() > 0 {
		t.Errorf("stderr = %s", errs.String())
	}
}

// TestFullOutput: results that cannot be written are a failure, not a success.
func TestFullOutput(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("no /dev/full here: %v", err)
	}
	defer full.Close()
	home, photos := t.TempDir(), t.TempDir()
	writePicture(t, filepath.Join(photos, "a.jpg"), 1)
	if out, err := imgsearch(t, home, "index", photos).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, args := range [][]string{{"search", "waves"}, {"search", "--json", "waves"}, {"status"}, {"roots", "list"}} {
		c := imgsearch(t, home, args...)
		c.Stdout = full
		if err := c.Run(); c.ProcessState.ExitCode() != 1 {
			t.Errorf("%v > /dev/full: exit %d (%v), want 1", args, c.ProcessState.ExitCode(), err)
		}
	}
}
