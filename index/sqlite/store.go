// Package sqlite keeps an index in one SQLite file: the embedded store, and the source of truth. Vectors lie once more beside it, in
// files that are mapped (index/flat) and can be made anew. It is the only place that knows this SQL. It must not know how a picture is
// read or a vector made.
package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"modernc.org/sqlite" // also registers the driver
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/disk"
	"github.com/imgsearch/imgsearch/internal/fserr"
)

// applicationID marks the file as ours in SQLite's header: "imgs".
const applicationID = 0x696d6773

// Store is an open index. Its methods may be called from any goroutine.
type Store struct {
	db *sql.DB
	// read asks by statements that are prepared once.
	read *statements
	path string
	// memory tells an index that lives in this process only (a dry run without an index).
	memory bool
	own    sync.Mutex // its lock
	// writer remembers queries in an index that was opened for reading; it is closed last, and leaves no log.
	writer struct {
		sync.Mutex
		db *sql.DB
	}
	roots   rootNames
	disks   diskNumbers
	vectors vectorCache
}

var (
	_ store.Store    = (*Store)(nil)
	_ store.Checker  = (*Store)(nil)
	_ store.Backuper = (*Store)(nil)
	_ store.Repairer = (*Store)(nil)
	_ store.Sized    = (*Store)(nil)
)

// Location is the database's file.
func (s *Store) Location() string { return s.path }

// Bytes is what the index takes on disk with its write-ahead log; the vectors' files, which can be made anew, are left out.
func (s *Store) Bytes() (n int64) {
	for _, p := range []string{s.path, s.path + "-wal"} {
		if info, err := os.Stat(p); err == nil {
			n += info.Size()
		}
	}
	return n
}

// onNetwork reports whether the index lies on a network file system, where nothing is mapped into memory, or nowhere.
func (s *Store) onNetwork() bool { return s.memory || disk.OnNetwork(filepath.Dir(s.path)) }

// Prepare makes the index's file, with its folder, private to the user, where there is none, and refuses what cannot
// be changed.
func Prepare(path string) error {
	if err := Check(path); err != nil {
		if !errors.Is(err, store.ErrNoIndex) {
			return fmt.Errorf("open index %q: %w", path, err)
		}
		if err := createFile(path); err != nil {
			return fmt.Errorf("make index %q: %w", path, err)
		}
	}
	if !writable(path) {
		return fmt.Errorf("open index %q: %w", path, store.ErrReadOnly)
	}
	return nil
}

// prepare is Prepare, and says of an index that cannot be changed whether it can be read at all.
func prepare(ctx context.Context, path string) error {
	err := Prepare(path)
	if !errors.Is(err, store.ErrReadOnly) {
		return err
	}
	if s, openErr := openForReading(ctx, path); openErr == nil {
		defer s.Close()
		if errors.Is(s.checkSchema(ctx), errOld) {
			return fmt.Errorf("open index %q: %w", path, store.ErrOlder)
		}
	}
	return err
}

// Options say how an index is opened.
type Options struct {
	// Migrating is told of the versions before an earlier schema is brought up to date, which takes seconds for a million pictures;
	// nil: nobody is.
	Migrating func(from, to int)
	// Waiting is told, once, that a reader waits for another process that is bringing the index up to date; nil: nobody is.
	Waiting func()
	// Wait bounds that.
	Wait time.Duration
}

// Open opens the index for changes, and makes it where there is none. An earlier schema is brought up to date under the lock.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	return openUpToDate(ctx, path, o, false)
}

// OpenLocked takes the lock of the index, which it makes where there is none, and opens it for changes. The lock comes first: where the
// journal is no WAL, another process that writes would keep the opening waiting.
func OpenLocked(ctx context.Context, path string, o Options) (*Store, store.Lock, error) {
	if err := prepare(ctx, path); err != nil { // the lock's file lies beside the index
		return nil, nil, err
	}
	l, err := tryLock(path)
	if err != nil {
		return nil, nil, err
	}
	s, err := openUpToDate(ctx, path, o, true)
	if err != nil {
		return nil, nil, errors.Join(err, l.Unlock())
	}
	return s, l, nil
}

func openUpToDate(ctx context.Context, path string, o Options, locked bool) (*Store, error) {
	if err := prepare(ctx, path); err != nil {
		return nil, err
	}
	if err := refuseForeign(ctx, path); err != nil {
		return nil, err
	}
	s, err := openForChanges(ctx, path)
	if err != nil {
		return nil, err
	}
	if err := s.update(ctx, o, locked); err != nil {
		s.Close()
		return nil, fmt.Errorf("open index %q: %w", path, explain(err))
	}
	return s, nil
}

func openForChanges(ctx context.Context, path string) (*Store, error) {
	journal := "WAL"
	if disk.OnNetwork(filepath.Dir(path)) {
		journal = "DELETE" // WAL needs shared memory, which network file systems do not have
	}
	// Pragmas stand in the DSN so that every pooled connection has them. FULL: a commit survives a power cut; there
	// is about one a second.
	return open(ctx, path, "_txlock=immediate", pragma("journal_mode", journal), pragma("synchronous", "FULL"),
		pragma("foreign_keys", "1"), pragma("busy_timeout", "10000"))
}

// update migrates an earlier schema, under the lock.
func (s *Store) update(ctx context.Context, o Options, locked bool) error {
	err := s.checkSchema(ctx)
	if err == nil || !errors.Is(err, store.ErrNoIndex) && !errors.Is(err, errOld) {
		return err
	}
	if !locked {
		l, err := tryLock(s.path)
		if err != nil {
			return err
		}
		defer l.Unlock() //nolint:errcheck // closing the file is all it does
	}
	version, err := s.userVersion(ctx)
	if err != nil {
		return err
	}
	if o.Migrating != nil && version > 0 && version < SchemaVersion() {
		o.Migrating(version, SchemaVersion())
	}
	return s.migrate(ctx, SchemaVersion())
}

// refuseForeign looks at the file without changing a byte: what is not ours, or from a newer program, stays as it is.
func refuseForeign(ctx context.Context, path string) error {
	s, err := open(ctx, path, "mode=ro", pragma("query_only", "1"))
	if err == nil {
		defer s.Close()
		err = s.checkSchema(ctx)
	}
	if errors.Is(err, store.ErrNotIndex) || errors.Is(err, store.ErrNewer) {
		return fmt.Errorf("open index %q: %w", path, err)
	}
	return nil // anything else is for the opening itself to find
}

// OpenMemory returns an empty index that lives as long as the Store.
func OpenMemory(ctx context.Context) (*Store, error) {
	if err := registerFunctions(); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", "file:imgsearch?mode=memory&"+pragma("foreign_keys", "1"))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1) // another connection would see another database
	s := &Store{db: db, read: newStatements(db, true), path: ":memory:", memory: true}
	if err := s.migrate(ctx, SchemaVersion()); err != nil {
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
	if err := registerFunctions(); err != nil {
		return nil, fmt.Errorf("open index %q: %w", path, err)
	}
	dsn := fileURI(abs) + "?" + strings.Join(params, "&")
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, fmt.Errorf("open index %q: %w", path, err)
	}
	s := &Store{db: db, read: newStatements(db, false), path: path}
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
func (s *Store) Close() error {
	err := errors.Join(s.vectors.close(), s.read.close(), s.db.Close())
	s.writer.Lock()
	defer s.writer.Unlock()
	if s.writer.db != nil {
		err = errors.Join(err, s.writer.db.Close())
		s.writer.db = nil
	}
	return err
}

// Check tells apart what may lie at an index's path, by its name only: nothing is opened.
func Check(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return store.ErrNoIndex
	case err != nil:
		return cmp.Or(fserr.Denied(path), fserr.Cause(err))
	case info.IsDir():
		return fmt.Errorf("%w: it is a folder", store.ErrNotIndex)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%w: it is not a regular file", store.ErrNotIndex)
	}
	return fserr.Denied(path) // SQLite would only say that it cannot open it
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
	return fserr.Writable(path)
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
		return fmt.Errorf("%w: %w", store.ErrFull, err)
	case sqlite3.SQLITE_READONLY:
		return fmt.Errorf("%w: %w", store.ErrReadOnly, err)
	case sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%w: %w", store.ErrNotIndex, err)
	case sqlite3.SQLITE_CORRUPT:
		return fmt.Errorf("%w: %w", store.ErrDamaged, err)
	case sqlite3.SQLITE_IOERR:
		if e.Code() == sqlite3.SQLITE_IOERR_WRITE || e.Code() == sqlite3.SQLITE_IOERR_TRUNCATE {
			return fmt.Errorf("write the index (is the disk full?): %w", err)
		}
	}
	return err
}

// Integrity runs SQLite's own check of the whole file; a healthy one has no findings.
func (s *Store) Integrity(ctx context.Context) ([]string, error) {
	findings, err := collect(ctx, s.read, "PRAGMA integrity_check(20)", func(scan scanFunc) (string, error) {
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

// checkpoint moves the write-ahead log into the database, so that what is left is one file.
func (s *Store) checkpoint(ctx context.Context) error {
	_, err := s.db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	return explain(err)
}

// Examine checks an index of any schema as it lies, without changing or migrating it: what is wrong with it, nothing if it is sound.
func Examine(ctx context.Context, path string) ([]string, error) {
	if err := Check(path); err != nil {
		return nil, fmt.Errorf("open index %q: %w", path, err)
	}
	s, err := openForReading(ctx, path)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if err := s.checkSchema(ctx); err != nil && !errors.Is(err, errOld) {
		return nil, fmt.Errorf("open index %q: %w", path, err)
	}
	return s.Integrity(ctx)
}
