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

	"golang.org/x/sync/semaphore"

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
			if !s.ready.Load() && (isAPI(r.URL.Path) || r.URL.Path == mcpPath) {
				p := problem(http.StatusServiceUnavailable, starting, "the server is starting", "try again in a second; /readyz says when it is ready")
				p.headers = http.Header{"Retry-After": {"1"}}
				p.send(w)
				return
			}
		}
		release, p := s.readBody(w, r)
		if p != nil {
			p.send(w)
			return
		}
		defer release()
		w.Header().Del("Connection")
		next.ServeHTTP(w, r)
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure(w.Header())
		if hasBody(r) { // a request that is refused before its body was read ends the connection, since the rest may never come
			w.Header().Set("Connection", "close")
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(unreadTime))
		}
		if !s.isKnownHost(r.Host) {
			problem(http.StatusMisdirectedRequest, misdirected, "the server does not know the host name of the request", "use localhost or an address, or start the server with --host NAME").send(w)
			return
		}
		inner.ServeHTTP(w, r)
	})
}

// writeTime is how long a client may take to read an answer.
const writeTime = time.Minute

// isOpen reports whether a path needs no token: it says nothing about photos.
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
	// unreadTime is how long the body of a request that is refused may still arrive: a client that is sending it could miss the answer otherwise.
	unreadTime = time.Second
	// stallTime is how long a client may take to send the next part of a body, and uploadTime all of it.
	stallTime  = 5 * time.Second
	uploadTime = time.Minute
	// chunk is the size of a part, and maxUploads the memory of all bodies with pictures that are being received or answered.
	chunk      = 1 << 20
	maxUploads = 128 << 20
)

// hasBody reports whether a request has a body that must be read.
func hasBody(r *http.Request) bool {
	return r.Body != nil && r.Body != http.NoBody && r.ContentLength != 0
}

// readBody reads the body of a request, so that no handler waits for a client. release frees its memory.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request) (release func(), p *Problem) {
	release = func() {}
	if !hasBody(r) {
		return release, nil
	}
	most, isUpload := int64(maxBody), false
	media, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	switch media = strings.TrimSpace(strings.ToLower(media)); {
	case media == multipartType && r.Method == http.MethodPost && (r.URL.Path == searchPath || r.URL.Path == galleryPath):
		most, isUpload = maxUpload, true
	case media == "application/x-www-form-urlencoded" && isAPI(r.URL.Path): // what curl -d says if it is not told; CrossOriginProtection guards against forms
		r.Header.Set("Content-Type", "application/json")
	}
	if r.ContentLength > most {
		return release, bodyTooLarge(most)
	}
	b := &bodyReader{w: w, from: http.MaxBytesReader(w, r.Body, most), end: time.Now().Add(uploadTime)}
	if isUpload {
		b.memory = s.limits.uploads
	}
	data, err := b.read()
	switch _, isTooLarge := errors.AsType[*http.MaxBytesError](err); {
	case err == nil:
	case isTooLarge:
		p = bodyTooLarge(most)
	case errors.Is(err, errFull):
		p = tooManyRequests("too many pictures are being sent", retryAfter)
	case errors.Is(err, os.ErrDeadlineExceeded):
		p = problem(http.StatusRequestTimeout, timeout, "the body of the request did not arrive in time", "")
	default:
		p = problem(http.StatusBadRequest, words.Usage, "the body of the request cannot be read", "")
	}
	if p != nil {
		b.release()
		return release, p
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // where it fails, the connection is closed
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
	return b.release, nil
}

// errFull means that the bodies that are being received take all the memory for them.
var errFull = errors.New("no memory for another part of a body")

// bodyReader reads a body in parts. A client that stops sending holds only the memory of what it has sent, and not for long.
type bodyReader struct {
	w      http.ResponseWriter
	from   io.Reader
	end    time.Time
	memory *semaphore.Weighted // nil: the body is small
	held   int64
}

func (b *bodyReader) read() ([]byte, error) {
	control := http.NewResponseController(b.w)
	var data bytes.Buffer
	for {
		if b.memory != nil && data.Len() >= int(b.held) {
			if !b.memory.TryAcquire(chunk) {
				return nil, errFull
			}
			b.held += chunk
		}
		next := time.Now().Add(stallTime)
		if next.After(b.end) {
			next = b.end
		}
		_ = control.SetReadDeadline(next)
		_, err := io.CopyN(&data, b.from, chunk/16)
		if errors.Is(err, io.EOF) {
			return data.Bytes(), nil
		}
		if err != nil {
			return nil, err
		}
	}
}

func (b *bodyReader) release() {
	if b.memory != nil {
		b.memory.Release(b.held)
	}
	b.held = 0
}

func bodyTooLarge(most int64) *Problem {
	hint := "send pictures as multipart/form-data to " + searchPath
	if most == maxUpload {
		hint = "send a smaller copy of the picture"
	}
	return problem(http.StatusRequestEntityTooLarge, tooLarge, "the body of the request is too large", hint)
}
