// Package running starts `imgsearch serve` for measurements.
package running

import (
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"time"
)

// Server is a running server.
type Server struct {
	// Address is where it listens: a host and a port.
	Address string

	program, index string
	process        *exec.Cmd
}

var errNotReady = errors.New("the server is not ready after 30 s")

// Start starts PROGRAM serve over an index and waits until it is ready.
func Start(program, index string) (*Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{Address: l.Addr().String(), program: program, index: index}
	if err := l.Close(); err != nil {
		return nil, err
	}
	return s, s.start()
}

func (s *Server) start() error {
	s.process = exec.Command(s.program, "--index", s.index, "--quiet", "serve", "--listen", s.Address)
	s.process.Stderr = os.Stderr
	if err := s.process.Start(); err != nil {
		return err
	}
	for range 600 {
		if r, err := http.Get("http://" + s.Address + "/readyz"); err == nil {
			r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return nil
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.End()
	return errNotReady
}

// Restart starts it again at the same address.
func (s *Server) Restart() error {
	s.End()
	return s.start()
}

// PID returns the id of the process.
func (s *Server) PID() int { return s.process.Process.Pid }

// End stops it, and waits until it has ended.
func (s *Server) End() {
	_ = s.process.Process.Signal(os.Interrupt)
	_ = s.process.Wait()
}
