package serve_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/imgsearch/imgsearch/cmd/internal/scenario"
)

// TestSessions takes sessions through their states.
func TestSessions(t *testing.T) {
	home := t.TempDir()
	dir := filepath.Join(home, "photos")
	album(t, filepath.Join(dir, "many"), 1, 300)
	album(t, filepath.Join(dir, "few"), 1000, 2)
	write(t, filepath.Join(dir, "few", "broken.jpg"), []byte("\xff\xd8 broken"))
	s := launch(t, home, "--allow", dir, "--jobs", "1")

	low := s.submit(filepath.Join(dir, "many"), "low", false)
	s.until(low.ID, "running", func(one session) bool { return one.Progress.Read > 0 })
	if again := s.submit(filepath.Join(dir, "many")+"/./", "low", false); again.ID != low.ID {
		t.Errorf("the same folder is another session: %+v", again)
	}
	high := s.submit(filepath.Join(dir, "few"), "high", false)
	done := s.untilIn(high.ID, "done")
	if one := s.untilIn(low.ID, "done"); one.Runs != 2 || one.Progress.Added != 300 || one.Progress.Embedded != 300 || one.Progress.Scanned != 300 {
		t.Errorf("the interrupted session: %+v", one)
	}
	if done.Progress.Added != 2 || done.Progress.Failed != 1 || len(done.Progress.Failures) != 1 || filepath.Base(done.Progress.Failures[0].Path) != "broken.jpg" {
		t.Errorf("the urgent session: %+v", done.Progress)
	}

	again := s.untilIn(s.submit(filepath.Join(dir, "few"), "normal", false).ID, "done")
	if again.Progress.Unchanged != 2 || again.Progress.Read != 0 {
		t.Errorf("nothing has changed: %+v", again.Progress)
	}
	forced := s.untilIn(s.submit(filepath.Join(dir, "few"), "normal", true).ID, "done")
	if forced.Progress.Read != 3 || forced.Progress.Embedded != 0 || forced.Progress.Failed != 1 {
		t.Errorf("every file again: %+v", forced.Progress)
	}

	album(t, filepath.Join(dir, "more"), 2000, 300)
	running := s.submit(filepath.Join(dir, "more"), "normal", false)
	s.until(running.ID, "running", func(one session) bool { return one.Progress.Read > 0 })
	waiting := s.submit(filepath.Join(dir, "few"), "low", false)
	for id, state := range map[int64]string{waiting.ID: "cancelled", running.ID: "cancelled"} {
		s.must(s.ask("DELETE", fmt.Sprintf("%s/%d", sessions, id), ""), http.StatusOK, nil)
		s.untilIn(id, state)
	}
	s.must(s.ask("DELETE", fmt.Sprintf("%s/%d", sessions, running.ID), ""), http.StatusConflict, nil)
	s.must(s.ask("DELETE", sessions+"/99", ""), http.StatusNotFound, nil)
	var list struct{ Sessions []session }
	if s.must(s.ask("GET", sessions+"?top=2", ""), http.StatusOK, &list); len(list.Sessions) != 2 || list.Sessions[0].ID != waiting.ID {
		t.Errorf("%+v", list)
	}
	if finished := s.untilIn(s.submit(filepath.Join(dir, "more"), "normal", false).ID, "done"); finished.Progress.Added+finished.Progress.Unchanged != 300 {
		t.Errorf("what was cancelled, continued: %+v", finished.Progress)
	}
}

// TestFolders checks which folders may be indexed, and that nothing is said about others.
func TestFolders(t *testing.T) {
	home, dir := newHome(t, 1)
	allowed, other := filepath.Join(home, "allowed"), filepath.Join(home, "other")
	album(t, filepath.Join(allowed, "in <b>it</b>"), 10, 1)
	album(t, other, 20, 1)
	if err := os.Symlink(other, filepath.Join(allowed, "out")); err != nil {
		t.Skip(err)
	}
	if err := os.Symlink(filepath.Join(home, "nosuch"), filepath.Join(allowed, "dangling")); err != nil {
		t.Skip(err)
	}
	s := launch(t, home, "--allow", allowed)
	try := func(path string) answered {
		body, err := json.Marshal(map[string]string{"training_directory": path})
		if err != nil {
			t.Fatal(err)
		}
		return s.ask("POST", sessions, string(body))
	}
	var refused string
	for path, status := range map[string]int{
		dir: 202, filepath.Join(allowed, "in <b>it</b>"): 202, allowed + "/../photos": 202,
		other: 403, filepath.Join(home, "nosuch"): 403, "/etc": 403, "/": 403, allowed + "x": 403, filepath.Join(allowed, "out"): 403, filepath.Join(allowed, "out", "nosuch"): 403, filepath.Join(allowed, "dangling"): 403, filepath.Join(allowed, "dangling", "x"): 403, allowed + "/../other": 403,
		filepath.Join(allowed, "nosuch"): 422, filepath.Join(dir, "000.jpg"): 422, "photos": 422, "": 422, allowed + "\x00": 422,
	} {
		a := try(path)
		if a.status != status {
			t.Errorf("%q: %d, want %d: %s", path, a.status, status, a.body)
		}
		if status == 403 {
			if refused == "" {
				refused = string(a.body)
			}
			if string(a.body) != refused {
				t.Errorf("%q tells something: %s", path, a.body)
			}
		}
	}
	for _, body := range []string{"", "{", "[]", "null", `{"training_directory": 1}`, `{"training_directory": "/", "nosuch": 1}`, `{"training_directory": "/", "priority": "soon"}`} {
		if a := s.ask("POST", sessions, body); a.status != 400 && a.status != 422 {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
}

// TestReadOnly checks that a read-only server has no sessions and writes nothing beside the index.
func TestReadOnly(t *testing.T) {
	home, dir := newHome(t, 2)
	s := launch(t, home, "--read-only")
	s.must(s.ask("GET", "/api/v1/search?q=never+asked+before", ""), http.StatusOK, nil)
	for _, a := range []answered{s.ask("GET", sessions, ""), s.ask("POST", sessions, fmt.Sprintf(`{"training_directory": %q}`, dir)), s.ask("DELETE", sessions+"/1", ""), s.ask("GET", sessions+"/1/events", "")} {
		if a.status != http.StatusForbidden {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(home, ".local", "share", "imgsearch", "*.jobs.db*")); len(left) > 0 {
		t.Errorf("%v", left)
	}
}

// TestOneAtATime checks that a session and the command line wait for each other, and say so.
func TestOneAtATime(t *testing.T) {
	home := t.TempDir()
	dir := filepath.Join(home, "photos")
	album(t, filepath.Join(dir, "a"), 1, 400)
	album(t, filepath.Join(dir, "b"), 1000, 1)
	s := launch(t, home, "--allow", dir, "--jobs", "1")
	one := s.submit(filepath.Join(dir, "a"), "normal", false)
	s.until(one.ID, "running", func(one session) bool { return one.Progress.Read > 0 })
	if _, code := s.run("index", filepath.Join(dir, "b")); code != 11 {
		t.Errorf("index beside a session: exit %d", code)
	}
	s.must(s.ask("DELETE", fmt.Sprintf("%s/%d", sessions, one.ID), ""), http.StatusOK, nil)
	s.untilIn(one.ID, "cancelled")

	c := scenario.Command(t, home, "index", "--quiet", "--jobs", "1", filepath.Join(dir, "a"))
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	scenario.WaitForFiles(t, home, 0)
	time.Sleep(100 * time.Millisecond)
	two := s.submit(filepath.Join(dir, "b"), "high", false)
	if two = s.until(two.ID, "waiting or done", func(one session) bool { return one.Waiting != nil || one.State == "done" }); two.Waiting == nil || *two.Waiting != "another process is indexing" {
		t.Logf("the other process was too fast: %+v", two)
	}
	if err := c.Wait(); err != nil {
		t.Error(err)
	}
	if two = s.untilIn(two.ID, "done"); two.Waiting != nil || two.Progress.Added != 1 {
		t.Errorf("%+v", two)
	}
}

// TestSurvives kills the server in a session, and damages the sessions' file: the next start continues, or says what is lost.
func TestSurvives(t *testing.T) {
	home := t.TempDir()
	dir := filepath.Join(home, "photos")
	album(t, dir, 1, 200)
	s := launch(t, home, "--allow", dir, "--jobs", "1")
	one := s.submit(dir, "high", false)
	s.until(one.ID, "running", func(one session) bool { return one.Progress.Read > 0 })
	s.kill()
	s = launch(t, home, "--allow", dir)
	if done := s.untilIn(one.ID, "done"); done.Runs != 2 || done.Progress.Failed > 0 {
		t.Errorf("%+v", done)
	}
	if n := scenario.FilesOf(t, home); n != 200 {
		t.Errorf("%d files", n)
	}
	if out, code := s.run("serve", "--listen", "127.0.0.1:0"); code != 11 {
		t.Errorf("a second server: exit %d %s", code, out)
	}
	s.kill()
	queues, _ := filepath.Glob(filepath.Join(home, ".local", "share", "imgsearch", "*.jobs.db"))
	if len(queues) != 1 {
		t.Fatal(queues)
	}
	write(t, queues[0], []byte("these are no sessions, however long they may be, and certainly no database of any kind"))
	os.Remove(queues[0] + "-wal")
	s = launch(t, home, "--allow", dir)
	var list struct{ Sessions []session }
	if s.must(s.ask("GET", sessions, ""), http.StatusOK, &list); len(list.Sessions) > 0 {
		t.Errorf("%+v", list)
	}
	if kept, _ := filepath.Glob(queues[0] + ".damaged-*"); len(kept) == 0 {
		t.Errorf("the damaged file is gone\n%s", s.out)
	}
}

// TestUnplugged submits a folder whose root is gone: the session ends, and the photos stay in the index.
func TestUnplugged(t *testing.T) {
	home, dir := newHome(t, 3)
	s := launch(t, home)
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	s.must(s.ask("POST", sessions, fmt.Sprintf(`{"training_directory": %q}`, dir)), http.StatusUnprocessableEntity, nil)
	var found struct {
		Results []struct {
			ID      string
			Missing bool
		}
	}
	s.must(s.ask("GET", "/api/v1/search?q=dog", ""), http.StatusOK, &found)
	if len(found.Results) != 3 || !found.Results[0].Missing {
		t.Errorf("%+v", found)
	}
	s.must(s.ask("GET", "/api/v1/pictures/"+found.Results[0].ID+"/file", ""), http.StatusNotFound, nil)
	if err := os.Rename(dir+".away", dir); err != nil {
		t.Fatal(err)
	}
	s.must(s.ask("GET", "/api/v1/pictures/"+found.Results[0].ID+"/file", ""), http.StatusOK, nil)
}

// TestWatched adds a photo to a folder that the server watches.
func TestWatched(t *testing.T) {
	home, dir := newHome(t, 1)
	s := launch(t, home, "--watch")
	album(t, filepath.Join(dir, "new"), 10, 2)
	for end := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		var found struct{ Indexed int }
		s.must(s.ask("GET", "/api/v1/search?q=dog", ""), http.StatusOK, &found)
		if found.Indexed == 3 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d pictures\n%s", found.Indexed, s.out)
		}
	}
}

// TestReplaced restores a backup while the server runs: it answers from the index that is there now.
func TestReplaced(t *testing.T) {
	home, dir := newHome(t, 2)
	s := launch(t, home)
	backup := filepath.Join(home, "backup.db")
	if out, code := s.run("backup", backup); code != 0 {
		t.Fatal(out)
	}
	album(t, filepath.Join(dir, "more"), 50, 3)
	if _, code := s.run("index", "--quiet", dir); code != 0 {
		t.Fatal(code)
	}
	until := func(want int) {
		t.Helper()
		for end := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
			var found struct{ Indexed int }
			s.must(s.ask("GET", "/api/v1/search?q=dog", ""), http.StatusOK, &found)
			if found.Indexed == want {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("%d pictures, want %d\n%s", found.Indexed, want, s.out)
			}
		}
	}
	until(5)
	if out, code := s.run("restore", backup); code != 0 {
		t.Fatal(out)
	}
	until(2)
}
