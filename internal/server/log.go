package server

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/imgsearch/imgsearch/internal/words"
)

// answered keeps what an answer was, for the log.
type answered struct {
	http.ResponseWriter

	status int
	bytes  int64
}

// Unwrap lets http.ResponseController find the connection.
func (a *answered) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// Flush sends what was written so far.
func (a *answered) Flush() { _ = http.NewResponseController(a.ResponseWriter).Flush() }

// begin notes the status, and gives the client time to read the answer from now on; streams and files set their own time.
func (a *answered) begin(status int) {
	if a.status == 0 {
		a.status = status
		_ = http.NewResponseController(a.ResponseWriter).SetWriteDeadline(time.Now().Add(writeTime))
	}
}

func (a *answered) WriteHeader(status int) {
	a.begin(status)
	a.ResponseWriter.WriteHeader(status)
}

func (a *answered) Write(data []byte) (int, error) {
	a.begin(http.StatusOK)
	n, err := a.ResponseWriter.Write(data)
	a.bytes += int64(n)
	return n, err
}

// logged logs requests, without their parameters, which say what somebody looked for, and keeps a fault in one request from ending the others.
func (s *Server) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begin := time.Now()
		a := &answered{ResponseWriter: w}
		path := r.URL.Path
		defer func() {
			if fault := recover(); fault != nil && fault != http.ErrAbortHandler { //nolint:errorlint // it is a panic's value
				s.Log.Error(fmt.Sprintf("a fault in imgsearch, while answering %s %s: %v", r.Method, path, fault))
				s.App.Logf("%s", debug.Stack())
				if a.status != 0 { // the client must not take a part for the whole
					panic(http.ErrAbortHandler)
				}
				problem(http.StatusInternalServerError, words.Failed, "a fault in imgsearch; the server's log has the details", "").send(a)
			}
			took := time.Since(begin)
			a.status = cmp.Or(a.status, http.StatusOK) // as net/http answers if a handler writes nothing
			s.metrics.request(r, a.status, took)
			level := slog.LevelInfo
			if path == "/healthz" || path == "/readyz" || path == "/metrics" {
				level = slog.LevelDebug
			}
			s.Log.Log(r.Context(), level, fmt.Sprintf("%s %s: %d in %.1f ms", r.Method, path, a.status, float64(took)/float64(time.Millisecond)),
				"method", r.Method, "path", path, "status", a.status, "bytes", a.bytes, "elapsed_ms", took.Milliseconds(), "client", address(r))
		}()
		next.ServeHTTP(a, r)
	})
}
