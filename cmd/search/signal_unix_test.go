//go:build unix

package search_test

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/imgsearch/imgsearch/cmd/internal/scenario"
)

// TestTerminate sends SIGTERM to a search that waits for a FIFO, which nothing can interrupt, and expects that the process ends.
func TestTerminate(t *testing.T) {
	home, fifo := t.TempDir(), filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Skip(err)
	}
	photos := t.TempDir()
	scenario.WritePicture(t, filepath.Join(photos, "a.jpg"), 1)
	if out, err := scenario.Command(t, home, "index", "-q", photos).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	c := scenario.Command(t, home, "search", "--image", fifo)
	var errs bytes.Buffer
	c.Stderr = &errs
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Process.Kill()
	// The program has opened the FIFO when this end can be opened without waiting: it is past installing its handlers.
	for {
		f, err := os.OpenFile(fifo, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if err == nil {
			defer f.Close()
			break
		}
		time.Sleep(time.Millisecond)
	}
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); c.ProcessState.ExitCode() != 130 {
		t.Errorf("%v, want exit status 130: %s", err, errs.String())
	}
}
