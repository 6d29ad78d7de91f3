package hub_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/imgsearch/imgsearch/models"
	"github.com/imgsearch/imgsearch/models/hub"
)

// TestCutConnections: a download survives twenty cut connections, and no byte is fetched twice.
func TestCutConnections(t *testing.T) {
	p := newPuller(t)
	random := rand.New(rand.NewPCG(1, 2))
	var cuts atomic.Int32
	p.hub.Misbehave(func(w http.ResponseWriter, r *http.Request, path string, data []byte) bool {
		if path != big || cuts.Add(1) > 20 {
			return false
		}
		from := rangeStart(r)
		n := random.IntN(120_000)
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(data)-1, len(data)))
		w.Header().Set("Content-Length", fmt.Sprint(len(data)-from))
		if from > 0 {
			w.WriteHeader(http.StatusPartialContent)
		}
		_, _ = w.Write(data[from:min(from+n, len(data))])
		panic(http.ErrAbortHandler)
	})
	if err := p.pull(); err != nil {
		t.Fatal(err)
	}
	p.whole()
	if n := p.hub.Requests(big); n != 21 {
		t.Errorf("%d requests, want 21", n)
	}
}

// TestBusyServer: 503 and 429 are retried after the time that the server asks for.
func TestBusyServer(t *testing.T) {
	p := newPuller(t)
	var n atomic.Int32
	p.hub.Misbehave(func(w http.ResponseWriter, _ *http.Request, path string, _ []byte) bool {
		if path != big {
			return false
		}
		switch n.Add(1) {
		case 1:
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(http.StatusServiceUnavailable)
		case 2:
			w.Header().Set("Retry-After", "11")
			w.WriteHeader(http.StatusTooManyRequests)
		default:
			return false
		}
		return true
	})
	if err := p.pull(); err != nil {
		t.Fatal(err)
	}
	p.whole()
	if waited := time.Duration(p.waited.Load()); waited != 18*time.Second {
		t.Errorf("waited %v, want the 18s that the server asked for", waited)
	}
}

// TestExpiredRedirect: when a redirect's address has expired, the client asks the hub for a new one.
func TestExpiredRedirect(t *testing.T) {
	p := newPuller(t)
	var n atomic.Int32
	p.hub.Misbehave(func(w http.ResponseWriter, r *http.Request, path string, data []byte) bool {
		if path != big {
			return false
		}
		switch n.Add(1) {
		case 1: // half of it, then the address expires
			_, _ = w.Write(data[:len(data)/2])
			panic(http.ErrAbortHandler)
		case 2:
			http.Error(w, "Request has expired", http.StatusForbidden)
			return true
		}
		return false
	})
	if err := p.pull(); err != nil {
		t.Fatal(err)
	}
	p.whole()
}

func TestWrongAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(p *puller)
		want  error
	}{
		"wrong bytes": {func(p *puller) {
			p.hub.Misbehave(func(w http.ResponseWriter, r *http.Request, path string, data []byte) bool {
				if path != big {
					return false
				}
				bad := bytes.Clone(data)
				bad[len(bad)/2] ^= 1
				http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(bad))
				return true
			})
		}, hub.ErrCorrupt},
		"wrong bytes of a small file": {func(p *puller) {
			p.hub.Misbehave(func(w http.ResponseWriter, _ *http.Request, path string, data []byte) bool {
				if path != models.ConfigFile {
					return false
				}
				_, _ = w.Write(bytes.ToUpper(data))
				return true
			})
		}, hub.ErrCorrupt},
		"smaller than announced": {func(p *puller) {
			p.hub.Lie(big, func(e map[string]any) { e["lfs"].(map[string]any)["size"] = 3_000_100 })
		}, hub.ErrCorrupt},
		"larger than announced": {func(p *puller) {
			p.hub.Lie(big, func(e map[string]any) { e["lfs"].(map[string]any)["size"] = 2_999_900 })
		}, hub.ErrCorrupt},
		"wrong digest": {func(p *puller) {
			p.hub.Lie(big, func(e map[string]any) { e["lfs"].(map[string]any)["oid"] = strings.Repeat("0", 64) })
		}, hub.ErrCorrupt},
		"token required": {func(p *puller) { p.hub.Demand("secret") }, hub.ErrDenied},
		"no repository":  {func(p *puller) { p.hub.Repository = "someone/else" }, hub.ErrNotFound},
		"a file is gone": {func(p *puller) { p.hub.Lie(models.ConfigFile, func(e map[string]any) { e["path"] = "other.json" }) }, hub.ErrNotFound},
		"always busy": {func(p *puller) {
			p.hub.Misbehave(func(w http.ResponseWriter, _ *http.Request, _ string, _ []byte) bool {
				w.WriteHeader(http.StatusBadGateway)
				return true
			})
		}, hub.ErrUnreachable},
		"cuts, and ignores ranges": {func(p *puller) {
			p.hub.Misbehave(func(w http.ResponseWriter, _ *http.Request, path string, data []byte) bool {
				if path != big {
					return false
				}
				w.Header().Set("Content-Length", fmt.Sprint(len(data)))
				_, _ = w.Write(data[:1_000_000])
				panic(http.ErrAbortHandler)
			})
		}, hub.ErrUnreachable},
		"no digest": {func(p *puller) {
			p.hub.Lie(big, func(e map[string]any) { delete(e["lfs"].(map[string]any), "oid") })
		}, hub.ErrCorrupt},
		"silence in the listing": {func(p *puller) {
			p.client.Stall = 20 * time.Millisecond
			silent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", "1000")
				_, _ = w.Write([]byte(`{"sha":`))
				_ = http.NewResponseController(w).Flush()
				<-r.Context().Done()
			}))
			p.t.Cleanup(silent.Close)
			p.client.Endpoint = silent.URL
		}, hub.ErrUnreachable},
		"silence": {func(p *puller) {
			p.client.Stall = 20 * time.Millisecond
			p.hub.Misbehave(func(w http.ResponseWriter, r *http.Request, path string, data []byte) bool {
				if path != big {
					return false
				}
				_, _ = w.Write(data[:0])
				w.(http.Flusher).Flush()
				<-r.Context().Done()
				return true
			})
		}, hub.ErrUnreachable},
		"drops": {func(p *puller) {
			p.client.Stall = 20 * time.Millisecond
			p.hub.Misbehave(func(w http.ResponseWriter, r *http.Request, path string, data []byte) bool {
				if path != big {
					return false
				}
				from := rangeStart(r)
				w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(data)-1, len(data)))
				w.WriteHeader(http.StatusPartialContent)
				for i := from; r.Context().Err() == nil; i++ {
					_, _ = w.Write(data[i : i+1])
					w.(http.Flusher).Flush()
					time.Sleep(8 * time.Millisecond)
				}
				return true
			})
		}, hub.ErrUnreachable},
		"a byte a connection": {func(p *puller) {
			p.hub.Misbehave(func(w http.ResponseWriter, r *http.Request, path string, data []byte) bool {
				if path != big {
					return false
				}
				from := rangeStart(r)
				w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(data)-1, len(data)))
				w.Header().Set("Content-Length", fmt.Sprint(len(data)-from))
				w.WriteHeader(http.StatusPartialContent)
				_, _ = w.Write(data[from : from+1])
				panic(http.ErrAbortHandler)
			})
		}, hub.ErrUnreachable},
		"offline": {func(p *puller) { p.client.Offline = true }, hub.ErrOffline},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPuller(t)
			c.spoil(p)
			if err := p.pull(); !errors.Is(err, c.want) {
				t.Errorf("err = %v, want %v", err, c.want)
			}
			p.absent()
		})
	}
}

// TestEndlessFiles checks that a plain address whose files never end cannot fill the disk.
func TestEndlessFiles(t *testing.T) {
	for name, c := range map[string]struct {
		endless string
		free    func(received int64) uint64
		want    error
	}{
		"a tokenizer":                {"textual/tokenizer.json", func(int64) uint64 { return 1 << 40 }, hub.ErrCorrupt},
		"weights, on a small disk":   {big, func(received int64) uint64 { return uint64(max(300<<20-received, 0)) }, hub.ErrNoSpace},
		"a disk that somebody fills": {"nothing", func(received int64) uint64 { return uint64(max(100<<20-50*received, 0)) }, hub.ErrNoSpace},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPuller(t)
			p.files[big] = make([]byte, 20<<20)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				path := strings.TrimPrefix(r.URL.Path, "/")
				_, _ = w.Write(p.files[path])
				for path == c.endless && r.Context().Err() == nil {
					_, _ = w.Write(make([]byte, 1<<20))
				}
			}))
			defer server.Close()
			var received atomic.Int64
			request := p.request()
			request.Source = &hub.Address{Client: p.client, URL: server.URL}
			request.Got = func(n int64) { received.Add(n) }
			request.Free = func(string) (uint64, error) { return c.free(received.Load()), nil }
			if _, err := hub.Pull(t.Context(), request); !errors.Is(err, c.want) {
				t.Errorf("err = %v, want %v", err, c.want)
			}
			p.absent()
			err := filepath.WalkDir(p.store.Dir, func(path string, d fs.DirEntry, err error) error {
				if err == nil && strings.HasSuffix(path, ".part") {
					t.Errorf("left: %s", path)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}
