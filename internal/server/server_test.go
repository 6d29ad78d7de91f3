package server

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/imgsearch/imgsearch/embed/probe"
	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/testkit"
	"github.com/imgsearch/imgsearch/internal/words"
)

// TestMain is also the child process that tries the runtime library before this one loads it; here, it only says that it did.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == probe.Command {
		if err := json.NewEncoder(os.Stdout).Encode(probe.Line{Result: &probe.Result{Runtime: "tried"}}); err != nil { //nolint:forbidigo // here it is a program
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// newServer returns a server over an index of generated pictures with previews.
func newServer(tb testing.TB, pictures int, change ...func(*Options)) (s *Server, photos string) {
	tb.Helper()
	home := tb.TempDir()
	for _, name := range []string{"IMGSEARCH_CACHE", "IMGSEARCH_MODELS", "IMGSEARCH_STATE"} {
		tb.Setenv(name, filepath.Join(home, strings.ToLower(name)))
	}
	a := &app.App{
		IndexFile: filepath.Join(home, "i.db"), LibraryFile: testkit.RuntimeLibrary(tb),
		Notify: func(any) {}, Logf: func(string, ...any) {},
	}
	photos = filepath.Join(home, "photos")
	if err := os.Mkdir(photos, 0o755); err != nil {
		tb.Fatal(err)
	}
	for i := range pictures {
		data, err := testkit.Encode("x.jpg", testkit.Picture(i, 300, 200))
		if err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(photos, fmt.Sprintf("%04d.jpg", i)), data, 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	at, err := a.Index()
	if err != nil {
		tb.Fatal(err)
	}
	ix, lock, err := at.OpenLocked(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	how := app.Indexing{KeepPreviews: true, Jobs: runtime.NumCPU(), MaxPixels: 1 << 30}
	first := how
	first.Paths, first.OCR, first.Start = []string{photos}, "off", func() index.Events { return index.Events{} }
	if _, err := a.RunIndex(tb.Context(), ix, first); err != nil {
		tb.Fatal(err)
	}
	ix.Close()
	if err := lock.Unlock(); err != nil {
		tb.Fatal(err)
	}
	o := Options{App: a, Version: "test", Door: func(w words.Action, _ ...string) string { return string(w) }, Indexing: how, Log: slog.New(slog.DiscardHandler)}
	for _, c := range change {
		c(&o)
	}
	if s, err = New(o); err != nil {
		tb.Fatal(err)
	}
	if err := s.Prepare(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.Start(ctx)
	tb.Cleanup(func() {
		s.End()
		s.Close()
		cancel()
		a.FreeLoaders()
	})
	return s, photos
}

// get answers a request without a network.
func (s *Server) get(path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "http://localhost"+path, nil)
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

// TestMixedLoad asks everything at once, while sessions run: with the race detector, it finds data that are shared without care.
func TestMixedLoad(t *testing.T) {
	s, photos := newServer(t, 40, func(o *Options) { o.Metrics = true })
	ids := listed(t, s)
	var clients sync.WaitGroup
	for i := range 8 {
		clients.Go(func() {
			for n := range 15 {
				id := ids[(i+n)%len(ids)]
				for _, path := range []string{
					fmt.Sprintf("/api/v1/search?q=dog+%d+%d&top=3", i, n), "/api/v1/search?q=dog&explain=true", "/api/v1/pictures/" + id, "/api/v1/pictures/" + id + "/similar?top=2",
					"/api/v1/pictures/" + id + "/thumbnail?size=100", "/api/v1/pictures/" + id + "/image?size=64", "/api/v1/pictures/" + id + "/file", "/api/v1/facets?by=folder",
					"/api/v1/timeline", "/api/v1/status", "/api/v1/training/sessions", "/metrics",
				} {
					if w := s.get(path); w.Code != http.StatusOK {
						t.Errorf("%s: %d %s", path, w.Code, w.Body)
					}
				}
				if n%5 == 0 {
					body := fmt.Sprintf(`{"training_directory": %q, "force": %v, "priority": "high"}`, photos, n == 5)
					r := httptest.NewRequest(http.MethodPost, "http://localhost"+sessionsPath, strings.NewReader(body))
					w := httptest.NewRecorder()
					if s.Handler().ServeHTTP(w, r); w.Code != http.StatusAccepted {
						t.Errorf("a session: %d %s", w.Code, w.Body)
					}
				}
			}
		})
	}
	clients.Wait()
}

// listed returns the ids of the pictures in the index.
func listed(tb testing.TB, s *Server) (ids []string) {
	tb.Helper()
	w := s.get("/api/v1/search?top=1000")
	if w.Code != http.StatusOK {
		tb.Fatal(w.Body)
	}
	for _, part := range strings.Split(w.Body.String(), `"id":"`)[1:] {
		ids = append(ids, part[:64])
	}
	return ids
}

// BenchmarkThumbnail measures a preview from the index, and BenchmarkQuery a query whose vector is known, without a network.
func BenchmarkThumbnail(b *testing.B) {
	s, _ := newServer(b, 100)
	ids := listed(b, s)
	i := 0
	for b.Loop() {
		i++
		if w := s.get("/api/v1/pictures/" + ids[i%len(ids)] + "/thumbnail"); w.Code != http.StatusOK {
			b.Fatal(w.Body)
		}
	}
}

func BenchmarkQuery(b *testing.B) {
	s, _ := newServer(b, 100)
	for b.Loop() {
		if w := s.get("/api/v1/search?q=dog"); w.Code != http.StatusOK {
			b.Fatal(w.Body)
		}
	}
}
