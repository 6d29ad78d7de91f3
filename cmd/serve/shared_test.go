package serve_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/imgsearch/imgsearch/cmd/internal/scenario"
	"github.com/imgsearch/imgsearch/internal/testkit/pgserver"
)

// TestShared serves an index in a database: the server does sessions itself while no worker runs, and leaves them to a worker that does.
func TestShared(t *testing.T) {
	url := pgserver.Start(t).Database(t)
	home := t.TempDir()
	dir := filepath.Join(home, "photos")
	album(t, dir, 1, 5)
	s := launch(t, home, "--index", url, "--allow", home)
	if one := s.until(s.submit(dir, "high", false).ID, "ended", func(one session) bool { return one.State == "done" || one.State == "failed" }); one.State != "done" || one.Progress.Added != 5 {
		t.Fatalf("%+v\n%s", one, s.out)
	}
	var found struct{ Results []struct{ Path string } }
	if s.must(s.ask("GET", "/api/v1/search?q=dog&min-score=-1", ""), http.StatusOK, &found); len(found.Results) != 5 {
		t.Errorf("%+v", found)
	}
	s.must(s.ask("GET", sessions+"/99", ""), http.StatusNotFound, nil)

	worker := scenario.Command(t, home, "--index", url, "worker")
	var log output
	worker.Stdout, worker.Stderr = &log, &log
	if err := worker.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = worker.Process.Kill()
		_ = worker.Wait()
	}()
	for deadline := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		var state struct {
			Workers []struct {
				Reserve bool
				Roots   []string
			}
		}
		s.must(s.ask("GET", "/api/v1/status", ""), http.StatusOK, &state)
		if len(state.Workers) == 2 && state.Workers[0].Reserve && !state.Workers[1].Reserve && len(state.Workers[1].Roots) == 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v\n%s", state, &log)
		}
	}
	time.Sleep(4 * time.Second) // until the server has noticed
	album(t, filepath.Join(dir, "more"), 10, 3)
	if one := s.until(s.submit(dir, "normal", false).ID, "ended", func(one session) bool { return one.State == "done" || one.State == "failed" }); one.State != "done" || one.Progress.Added != 3 || one.Progress.Unchanged != 5 {
		t.Errorf("%+v", one)
	}
	if !strings.Contains(log.String(), "walking "+dir) || strings.Count(s.out.String(), "walking "+dir) != 1 {
		t.Errorf("the worker:\n%s\nthe server:\n%s", &log, s.out)
	}
	// index beside them waits for the worker too.
	if err := os.WriteFile(filepath.Join(dir, "broken.jpg"), []byte("no picture"), 0o644); err != nil {
		t.Fatal(err)
	}
	out, code := s.run("index", "--index", url, "--json", dir)
	if code != 3 || !strings.Contains(out, `"unchanged":8`) || !strings.Contains(out, `"failed":1`) {
		t.Errorf("exit %d: %s", code, out)
	}
	var list struct {
		Sessions []session
	}
	if s.must(s.ask("GET", sessions, ""), http.StatusOK, &list); len(list.Sessions) != 3 || list.Sessions[0].Progress.Failed != 1 {
		t.Errorf("%+v", list)
	}
}
