package hub_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
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
