// Package sqlite keeps the index on disk: roots, files, contents, vectors, failures, runs. It is the one source of
// truth and the only place that knows SQL. It must not know how a picture is read or a vector made.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"modernc.org/sqlite" // also registers the driver
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/imgsearch/imgsearch/internal/disk"
)

var (
	// ErrNoIndex is an index that was never made.
	ErrNoIndex = errors.New("no index here yet")
	// ErrNewer is an index whose schema is from a newer program.
	ErrNewer = errors.New("the index is from a newer version of imgsearch")
	// ErrNotIndex is a file that is no index of ours.
	ErrNotIndex = errors.New("not an imgsearch index")
	// ErrReadOnly is an index that may be searched and not changed.
	ErrReadOnly = errors.New("the index is read-only")
	// ErrFull is a disk without room for the next transaction; what was committed is safe.
	ErrFull = errors.New("the disk is full")
	// ErrDamaged is a database that SQLite finds malformed.
	ErrDamaged = errors.New("the index is damaged")
)

// applicationID marks the file as ours in SQLite's header: "imgs".
const applicationID = 0x696d6773

// Store is an open index. Its methods may be called from any goroutine.
type Store struct {
	db   *sql.DB
	path string
	// schema is the version that the index has; one that is only read may be older.
	schema int
	// memory tells an index that lives in this process only (a dry run without an index).
	memory bool
}

// Path is the database's file.
func (s *Store) Path() string { return s.path }

// OnNetwork tells whether the index lies on a network file system, where nothing is mapped into memory, or nowhere.
func (s *Store) OnNetwork() bool { return s.memory || disk.OnNetwork(filepath.Dir(s.path)) }

// Prepare makes the index's file, with its folder, private to the user, where there is none, and refuses what cannot
// be changed. It comes before the lock, whose file lies beside the index.
func Prepare(path string) error {
	if err := Check(path); err != nil {
		if !errors.Is(err, ErrNoIndex) {
			return fmt.Errorf("open index %q: %w", path, err)
		}
		if err := createFile(path); err != nil {
			return fmt.Errorf("make index %q: %w", path, err)
		}
	}
	if !writable(path) {
		return fmt.Errorf("open index %q: %w", path, ErrReadOnly)
	}
	return nil
}

// Open opens the index for changes, makes it where there is none, and brings its schema up to date. The caller holds
// the index's lock if others may do the same.
func Open(ctx context.Context, path string) (*Store, error) {
	if err := Prepare(path); err != nil {
		return nil, err
	}
	if err := refuseForeign(ctx, path); err != nil {
		return nil, err
	}
	journal := "WAL"
	if disk.OnNetwork(filepath.Dir(path)) {
		journal = "DELETE" // WAL needs shared memory, which network file systems do not have
	}
	// Pragmas stand in the DSN so that every pooled connection has them. FULL: a commit survives a power cut; there
	// is about one a second.
	s, err := open(ctx, path, "_txlock=immediate", pragma("journal_mode", journal), pragma("synchronous", "FULL"),
		pragma("foreign_keys", "1"), pragma("busy_timeout", "10000"))
	if err != nil {
		return nil, err
	}
	if err := s.migrate(ctx); err != nil {
		s.Close()
		return nil, fmt.Errorf("open index %q: %w", path, explain(err))
	}
	return s, nil
}

// refuseForeign looks at the file without changing a byte: what is not ours, or from a newer program, stays as it is.
func refuseForeign(ctx context.Context, path string) error {
	s, err := open(ctx, path, "mode=ro", pragma("query_only", "1"))
	if err == nil {
		defer s.Close()
		err = s.checkSchema(ctx)
	}
	if isOneOf(err, ErrNotIndex, ErrNewer) {
		return fmt.Errorf("open index %q: %w", path, err)
	}
	return nil // anything else is for the opening itself to find
}

// OpenReadOnly opens the index for reading, on a read-only disk too.
func OpenReadOnly(ctx context.Context, path string) (*Store, error) {
	if err := Check(path); err != nil {
		return nil, fmt.Errorf("open index %q: %w", path, err)
	}
	s, err := open(ctx, path, "mode=ro", pragma("busy_timeout", "10000"), pragma("query_only", "1"))
	if err != nil && !emptyWAL(path) {
		return nil, err
	}
	if err != nil {
		// WAL needs a file beside the database, which cannot be made here; without a pending log the database alone
		// is the truth, and it cannot change under us.
		if s, err = open(ctx, path, "mode=ro", "immutable=1", pragma("query_only", "1")); err != nil {
			return nil, err
		}
	}
	if err := s.checkSchema(ctx); err != nil && !errors.Is(err, errOlder) {
		s.Close()
		return nil, fmt.Errorf("open index %q: %w", path, err)
	}
	return s, nil
}

// OpenMemory returns an empty index that lives as long as the Store.
func OpenMemory(ctx context.Context) (*Store, error) {
	if err := registerKeeps(); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", "file:imgsearch?mode=memory&"+pragma("foreign_keys", "1"))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1) // another connection would see another database
	s := &Store{db: db, path: ":memory:", memory: true}
	if err := s.migrate(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func pragma(name, value string) string { return "_pragma=" + name + "(" + value + ")" }

func open(ctx context.Context, path string, params ...string) (*Store, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open index %q: %w", path, err)
	}
	if err := registerKeeps(); err != nil {
		return nil, fmt.Errorf("open index %q: %w", path, err)
	}
	dsn := fileURI(abs) + "?" + strings.Join(params, "&")
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, fmt.Errorf("open index %q: %w", path, err)
	}
	s := &Store{db: db, path: path}
	// Touch the file: a database that is none, or that cannot be opened, says so here and not in the first query.
	if _, err := s.userVersion(ctx); err != nil {
		db.Close()
		return nil, fmt.Errorf("open index %q: %w", path, explain(err))
	}
	return s, nil
}

// fileURI is how SQLite is told an absolute path, whatever is in it.
func fileURI(abs string) string {
	slashed := filepath.ToSlash(abs)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // C:/... is /C:/... in a URI
	}
	return "file:" + (&url.URL{Path: slashed}).EscapedPath()
}

// Close ends all connections. The write-ahead log goes into the database with the last writer.
func (s *Store) Close() error { return s.db.Close() }

// Check tells apart what may lie at an index's path, by its name only: nothing is opened.
func Check(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return ErrNoIndex
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("%w: it is a folder", ErrNotIndex)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%w: it is not a regular file", ErrNotIndex)
	}
	return nil
}

func createFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil // another process was faster; the lock decides who indexes
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// writable tells whether the owner lets the index change. Mode bits count for root too, whom the system would let
// write: somebody set them.
func writable(path string) bool {
	for _, p := range []string{path, filepath.Dir(path)} {
		info, err := os.Stat(p)
		if err != nil || info.Mode().Perm()&0o222 == 0 {
			return false
		}
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return false
	}
	f.Close()
	return true
}

func emptyWAL(path string) bool {
	info, err := os.Stat(path + "-wal")
	return errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0
}

// explain turns SQLite's codes into errors that callers decide by.
func explain(err error) error {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("%w: %w", ErrFull, err)
	case sqlite3.SQLITE_READONLY:
		return fmt.Errorf("%w: %w", ErrReadOnly, err)
	case sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%w: %w", ErrNotIndex, err)
	case sqlite3.SQLITE_CORRUPT:
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	case sqlite3.SQLITE_IOERR:
		if e.Code() == sqlite3.SQLITE_IOERR_WRITE || e.Code() == sqlite3.SQLITE_IOERR_TRUNCATE {
			return fmt.Errorf("write the index (is the disk full?): %w", err)
		}
	}
	return err
}

// Integrity runs SQLite's own check of the whole file; a healthy one has no findings.
func (s *Store) Integrity(ctx context.Context) ([]string, error) {
	findings, err := collect(ctx, s.db, "PRAGMA integrity_check(20)", func(scan scanFunc) (string, error) {
		var text string
		return text, scan(&text)
	})
	if err != nil {
		return nil, fmt.Errorf("check the index: %w", explain(err))
	}
	if len(findings) == 1 && findings[0] == "ok" {
		return nil, nil
	}
	return findings, nil
}

// Checkpoint moves the write-ahead log into the database, so that what is left is one file.
func (s *Store) Checkpoint(ctx context.Context) error {
	_, err := s.db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	return explain(err)
}
