//go:build unix

package models_test

import (
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imgsearch/imgsearch/cmd/internal/scenario"
	"github.com/imgsearch/imgsearch/models"
)

// TestLongKillPull kills the puller in the middle of a file, several times: each time, files with their final name are correct, and the
// last pull resumes where the previous one stopped.
func TestLongKillPull(t *testing.T) {
	hub := newHub(t)
	home := t.TempDir()
	store := filepath.Join(home, ".local", "share", "imgsearch", "models")
	var from atomic.Int64
	const step = 6 << 20
	hub.Misbehave(func(w http.ResponseWriter, r *http.Request, path string, data []byte) bool {
		if path != models.TextualFile {
			return false
		}
		// A slow server: it sends a part and waits, so that the puller can be killed in the middle.
		start := rangeStart(r)
		from.Store(int64(start))
		if start+step >= len(data) {
			return false
		}
		w.Header().Set("Content-Range", "bytes "+itoa(start)+"-"+itoa(len(data)-1)+"/"+itoa(len(data)))
		w.Header().Set("Content-Length", itoa(len(data)-start))
		if start > 0 {
			w.WriteHeader(http.StatusPartialContent)
		}
		_, _ = w.Write(data[start : start+step])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return true
	})
	part := filepath.Join(store, "."+catalogued+".partial", filepath.FromSlash(models.TextualFile)+".part")
	for i := range 3 {
		c := scenario.Command(t, home, "models", "pull", catalogued)
		c.Env = append(c.Env, "IMGSEARCH_MODELS=")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		want := int64(step) * int64(i+1)
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
			info, err := os.Stat(part)
			if err == nil && info.Size() >= want {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("round %d: the part did not grow to %d: %v", i, want, err)
			}
		}
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = c.Wait()
		if _, err := os.Stat(filepath.Join(store, catalogued)); !os.IsNotExist(err) {
			t.Fatalf("round %d: a model has its name: %v", i, err)
		}
	}
	c := scenario.Command(t, home, "models", "pull", catalogued)
	c.Env = append(c.Env, "IMGSEARCH_MODELS=")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got := from.Load(); got != 3*step {
		t.Errorf("the last pull continued at %d, want %d", got, 3*step)
	}
	if problems, err := (models.Store{Dir: store}).Verify(catalogued, func(string, int64) {}); err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
	err := filepath.WalkDir(store, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Ext(path) == ".part" {
			t.Errorf("%s is left", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
