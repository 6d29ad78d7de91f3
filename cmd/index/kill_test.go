//go:build unix

package index_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/imgsearch/imgsearch/cmd/internal/scenario"
)

// TestLongKillNine kills the indexer several times with SIGKILL: each next run resumes, at most about a second of work is lost, and
// the index stays sound.
func TestLongKillNine(t *testing.T) {
	home, photos := t.TempDir(), t.TempDir()
	const n = 400
	for i := range n {
		scenario.WritePicture(t, filepath.Join(photos, fmt.Sprintf("%03d.jpg", i)), i)
	}
	before := 0
	for range 3 {
		c := scenario.Command(t, home, "index", photos)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		scenario.WaitForFiles(t, home, before)
		if err := c.Process.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Fatal(err)
		}
		_ = c.Wait()
		files := scenario.FilesOf(t, home)
		if files <= before {
			t.Fatalf("%d files after a kill, %d before the run", files, before)
		}
		before = files
	}
	// A file that is being read at two kills, the second time alone, is set aside: hence --retry-failed.
	s, err := scenario.SummaryOf(t, scenario.Command(t, home, "index", "--json", "--retry-failed", photos))
	if err != nil || !s.Complete || s.Added+s.Unchanged != n || s.Failed+s.FailedKnown != 0 || s.Unchanged < before {
		t.Fatalf("the run that is not killed: %+v, %v", s, err)
	}
	out, err := scenario.Command(t, home, "doctor").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "is intact") {
		t.Errorf("doctor: %v\n%s", err, out)
	}
}

// TestInterrupt checks that the first Ctrl-C commits finished work and exits with 130, and that the next run resumes.
func TestInterrupt(t *testing.T) {
	home, photos := t.TempDir(), t.TempDir()
	const n = 300
	for i := range n {
		scenario.WritePicture(t, filepath.Join(photos, fmt.Sprintf("%03d.jpg", i)), i)
	}
	c := scenario.Command(t, home, "index", "--json", photos)
	var out bytes.Buffer
	c.Stdout = &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	scenario.WaitForFiles(t, home, 0)
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	err := c.Wait()
	var s scenario.Summary
	if jsonErr := json.Unmarshal(out.Bytes(), &s); jsonErr != nil {
		t.Fatalf("%v: %q", jsonErr, out.String())
	}
	if code := c.ProcessState.ExitCode(); code != 130 || s.Complete || s.Added == n {
		t.Fatalf("exit %d (%v), %+v", code, err, s)
	}
	next, err := scenario.SummaryOf(t, scenario.Command(t, home, "index", "--json"))
	if err != nil || !next.Complete || next.Unchanged != s.Added || next.Added != n-s.Added {
		t.Errorf("the next run: %+v, %v; %d were done", next, err, s.Added)
	}
}

// TestSecondIndexer checks that only one process can index at a time, and that searching works meanwhile.
func TestSecondIndexer(t *testing.T) {
	home, photos := t.TempDir(), t.TempDir()
	for i := range 600 {
		scenario.WritePicture(t, filepath.Join(photos, fmt.Sprintf("%03d.jpg", i)), i)
	}
	first := scenario.Command(t, home, "index", photos)
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = first.Process.Kill()
		_ = first.Wait()
	}()
	scenario.WaitForFiles(t, home, 0)
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
		run := scenario.Command(t, home, c.args...)
		out, err := run.CombinedOutput()
		if run.ProcessState.ExitCode() != c.code {
			t.Errorf("%v: exit %d (%v), want %d: %s", c.args, run.ProcessState.ExitCode(), err, c.code, out)
		}
	}
}
