package hub_test

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

func TestToken(t *testing.T) {
	p := newPuller(t)
	p.hub.Demand("secret")
	p.client.Token = "secret"
	if err := p.pull(); err != nil {
		t.Fatal(err)
	}
	p.whole()
}

// TestTokenStaysHome: a server that the hub redirects to does not receive the token.
func TestTokenStaysHome(t *testing.T) {
	p := newPuller(t)
	p.client.Token = "secret"
	var seen atomic.Value
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.Store(r.Header.Get("Authorization"))
		_, _ = w.Write(p.files[big])
	}))
	defer other.Close()
	p.hub.Misbehave(func(w http.ResponseWriter, r *http.Request, path string, _ []byte) bool {
		if path == big {
			http.Redirect(w, r, other.URL+"/x", http.StatusFound) // another port of the same host
		}
		return path == big
	})
	if err := p.pull(); err != nil {
		t.Fatal(err)
	}
	if seen.Load() != "" {
		t.Errorf("the other server saw %q", seen.Load())
	}
}
