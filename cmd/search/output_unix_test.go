//go:build unix

package search_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgsearch/imgsearch/cmd/internal/scenario"
)

// TestPipeIntoHead checks that the program ends without an error when the reader closes the pipe.
func TestPipeIntoHead(t *testing.T) {
	home, photos := t.TempDir(), t.TempDir()
	scenario.WritePicture(t, filepath.Join(photos, "a.jpg"), 1)
	if out, err := scenario.Command(t, home, "index", photos).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	c := scenario.Command(t, home, "search", "--queries", "-")
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

// TestFullOutput checks that the program fails if it cannot write its results.
func TestFullOutput(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skipf("no /dev/full here: %v", err)
	}
	defer full.Close()
	home, photos := t.TempDir(), t.TempDir()
	scenario.WritePicture(t, filepath.Join(photos, "a.jpg"), 1)
	if out, err := scenario.Command(t, home, "index", photos).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, args := range [][]string{{"search", "waves"}, {"search", "--json", "waves"}, {"status"}, {"roots", "list"}} {
		c := scenario.Command(t, home, args...)
		c.Stdout = full
		if err := c.Run(); c.ProcessState.ExitCode() != 1 {
			t.Errorf("%v > /dev/full: exit %d (%v), want 1", args, c.ProcessState.ExitCode(), err)
		}
	}
}
