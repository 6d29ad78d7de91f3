package server

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/imgsearch/imgsearch/internal/words"
)

// guarded refuses requests that the server must not answer, and limits those that it answers.
func (s *Server) guarded(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		problem(http.StatusForbidden, forbidden, "the request comes from a page of another site", "").send(w)
	}))
	inner := cross.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isOpen(r.URL.Path) {
			if p := s.authorize(r); p != nil {
				s.refuse(w, r, p)
				return
			}
			if !s.ready.Load() && isAPI(r.URL.Path) {
				p := problem(http.StatusServiceUnavailable, starting, "the server is starting", "try again in a second; /readyz says when it is ready")
				p.headers = http.Header{"Retry-After": {"1"}}
				p.send(w)
				return
			}
		}
		if p := s.readBody(w, r); p != nil {
			p.send(w)
			return
		}
		next.ServeHTTP(w, r)
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure(w.Header())
		if !s.isKnownHost(r.Host) {
			problem(http.StatusMisdirectedRequest, misdirected, "the server does not know the host name of the request", "use localhost or an address, or start the server with --host NAME").send(w)
			return
		}
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTime)) // streams and files set their own
		inner.ServeHTTP(w, r)
	})
}

// writeTime is how long a client may take to read an answer.
const writeTime = time.Minute

// isOpen reports whether everybody may ask for a path: it says nothing about photos.
func isOpen(path string) bool {
	return path == "/healthz" || path == "/readyz" || path == loginPath
}

// secure sets the headers that limit what browsers do with an answer. A page replaces the policy by its own.
func secure(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
}

// isKnownHost reports whether the server may be asked under a name. Other names could belong to a page that has pointed its own name at this machine (DNS
// rebinding); an address cannot be changed in this way.
func (s *Server) isKnownHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") || slices.Contains(s.Hosts, host) {
		return true
	}
	_, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
	return err == nil
}

const (
	// maxBody is the size of the largest body without pictures, and maxUpload that of the largest with them, in bytes.
	maxBody   = 64 << 10
	maxUpload = 64 << 20
	// bodyTime is how long a client may take to send a body, and uploadTime a picture.
	bodyTime   = 10 * time.Second
	uploadTime = time.Minute
)

// readBody reads the body of a request, so that no handler waits for a client.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request) *Problem {
	if r.Body == nil || r.Body == http.NoBody {
		return nil
	}
	most, within := int64(maxBody), bodyTime
	media, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	switch media = strings.TrimSpace(strings.ToLower(media)); {
	case media == "multipart/form-data" && r.Method == http.MethodPost && r.URL.Path == searchPath:
		most, within = maxUpload, uploadTime
		done, p := s.limits.uploads.enter(r.Context())
		if p != nil {
			return p
		}
		defer done()
	case media == "application/x-www-form-urlencoded" && isAPI(r.URL.Path): // what curl -d says if it is not told; CrossOriginProtection guards against forms
		r.Header.Set("Content-Type", "application/json")
	}
	if r.ContentLength > most {
		return bodyTooLarge(most)
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(within))
	defer control.SetReadDeadline(time.Time{}) //nolint:errcheck // then the connection is closed
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	switch _, isTooLarge := errors.AsType[*http.MaxBytesError](err); {
	case isTooLarge:
		return bodyTooLarge(most)
	case errors.Is(err, os.ErrDeadlineExceeded):
		w.Header().Set("Connection", "close")
		return problem(http.StatusRequestTimeout, timeout, "the body of the request did not arrive in time", "")
	case err != nil:
		w.Header().Set("Connection", "close")
		return problem(http.StatusBadRequest, words.Usage, "the body of the request cannot be read", "")
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
	return nil
}

func bodyTooLarge(most int64) *Problem {
	hint := "send pictures as multipart/form-data to " + searchPath
	if most == maxUpload {
		hint = "send a smaller copy of the picture"
	}
	return problem(http.StatusRequestEntityTooLarge, tooLarge, "the body of the request is too large", hint)
}
