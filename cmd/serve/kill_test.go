package serve_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/imgsearch/imgsearch/cmd/internal/scenario"
)

// TestLongKills kills the server at random moments of sessions and searches: each next start continues, nothing is lost, and the index stays intact.
// IMGSEARCH_KILLS is how often; 12 if it is not set.
func TestLongKills(t *testing.T) {
	kills := 12
	if n, err := strconv.Atoi(os.Getenv("IMGSEARCH_KILLS")); err == nil {
		kills = n
	}
	home := t.TempDir()
	dir := filepath.Join(home, "photos")
	perKill := 12
	r := rand.New(rand.NewPCG(7, uint64(kills)))
	submitted := make(map[int64]bool)
	for kill := range kills {
		album(t, filepath.Join(dir, fmt.Sprint(kill)), 100*kill, perKill)
		s := launch(t, home, "--allow", home, "--jobs", "1")
		priority := []string{"high", "normal", "low"}[r.IntN(3)]
		submitted[s.submit(dir, priority, r.IntN(4) == 0).ID] = true
		submitted[s.submit(filepath.Join(dir, fmt.Sprint(kill)), "normal", false).ID] = true
		stop := time.After(time.Duration(r.IntN(700)) * time.Millisecond)
		asking := true
		for n := 0; asking; n++ {
			select {
			case <-stop:
				asking = false
			default:
				if a, err := s.try("GET", fmt.Sprintf("/api/v1/search?q=dog+%d+%d", kill, n), ""); err == nil && a.status != http.StatusOK {
					t.Errorf("kill %d: a search: %d %s", kill, a.status, a.body)
				}
			}
		}
		s.kill()
	}
	s := launch(t, home, "--allow", home)
	for id := range submitted {
		if one := s.until(id, "ended", func(one session) bool { return one.State == "done" || one.State == "failed" }); one.State != "done" || one.Progress.Failed > 0 {
			t.Errorf("%+v", one)
		}
	}
	if n := scenario.FilesOf(t, home); n != kills*perKill {
		t.Errorf("the index has %d files, want %d", n, kills*perKill)
	}
	var state struct{ Failures, Pictures int }
	s.must(s.ask("GET", "/api/v1/status", ""), http.StatusOK, &state)
	if state.Failures != 0 || state.Pictures != kills*perKill {
		t.Errorf("%+v", state)
	}
	if out, code := s.run("doctor", "--json"); code != 0 {
		t.Errorf("doctor: exit %d: %s", code, out)
	}
}
