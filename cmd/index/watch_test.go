//go:build unix

package index_test

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/imgsearch/imgsearch/cmd/internal/scenario"
)

// lockedBuffer collects the output of a running program.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestWatch changes folders while an indexer watches them: a new photo, a new folder, a renamed folder, and another index run.
func TestWatch(t *testing.T) {
	home := t.TempDir()
	photos := filepath.Join(home, "photos")
	scenario.WritePicture(t, filepath.Join(photos, "a.jpg"), 1)
	var out lockedBuffer
	c := scenario.Command(t, home, "index", "--watch", photos)
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- c.Wait() }()
	defer func() { _ = c.Process.Kill() }()
	files := func(want int) {
		t.Helper()
		for range 300 {
			if scenario.FilesOf(t, home) == want {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		t.Fatalf("the index has %d files, want %d\n%s", scenario.FilesOf(t, home), want, out.String())
	}
	files(1)
	scenario.WritePicture(t, filepath.Join(photos, "b.jpg"), 2)
	files(2)
	scenario.WritePicture(t, filepath.Join(photos, "new", "deep", "c.jpg"), 3)
	files(3)
	if err := os.Rename(filepath.Join(photos, "new"), filepath.Join(photos, "other")); err != nil {
		t.Fatal(err)
	}
	scenario.WritePicture(t, filepath.Join(photos, "other", "deep", "d.jpg"), 4)
	files(4)
	if err := os.Remove(filepath.Join(photos, "b.jpg")); err != nil {
		t.Fatal(err)
	}
	scenario.WritePicture(t, filepath.Join(photos, "e.jpg"), 5)
	scenario.WritePicture(t, filepath.Join(photos, "f.jpg"), 6)
	files(5)
	// It does not hold the lock between runs. The last one may still be reading texts.
	for deadline := time.Now().Add(time.Minute); scenario.Command(t, home, "index").Run() != nil && time.Now().Before(deadline); {
		time.Sleep(100 * time.Millisecond)
	}
	if s, err := scenario.SummaryOf(t, scenario.Command(t, home, "index", "--json")); err != nil || s.Unchanged != 5 {
		t.Errorf("another run: %+v, %v", s, err)
	}
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("it ended with %v\n%s", err, out.String())
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("it does not end\n%s", out.String())
	}
}
