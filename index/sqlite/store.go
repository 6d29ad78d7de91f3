// Package sqlite stores an index in one SQLite file: the embedded store, and the source of truth.
// The vectors are also stored next to it, in memory-mapped files (index/flat) that can be rebuilt.
// It is the only package that knows this SQL. It must not know how pictures are read or vectors computed.
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
	"syscall"
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
	// read runs queries with cached prepared statements.
	read *statements
	path string
	// memory is set for an in-memory index (a dry run without an index).
	memory bool
	own    sync.Mutex // the lock of an in-memory index
	// writer stores query vectors in an index that was opened for reading. It is closed last, so that no write-ahead log remains.
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

// Location returns the path of the database file.
func (s *Store) Location() string { return s.path }

// Bytes returns the size of the index on disk, including its write-ahead log but not the vector files, which can be rebuilt.
func (s *Store) Bytes() (n int64) {
	for _, p := range []string{s.path, s.path + "-wal"} {
		if info, err := os.Stat(p); err == nil {
			n += info.Size()
		}
	}
	return n
}

// onNetwork reports whether the index is in memory or on a network file system, where files are not memory-mapped.
func (s *Store) onNetwork() bool { return s.memory || disk.OnNetwork(filepath.Dir(s.path)) }

// Prepare creates the index file and its folder, private to the user, if they do not exist. It returns an error if the index cannot be changed.
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

// prepare calls Prepare. If the index is read-only and of an earlier schema, it returns ErrOlder instead of ErrReadOnly.
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

// Options control how an index is opened.
type Options struct {
	// Migrating, if not nil, is called with the versions before an earlier schema is migrated, which takes seconds for a million pictures.
	Migrating func(from, to int)
	// Waiting, if not nil, is called once when a reader waits for another process that is migrating the index.
	Waiting func()
	// Wait is the longest time to wait for that.
	Wait time.Duration
	// LogDamaged, if not nil, is called if the write-ahead log is damaged, so that what was committed last is missing.
	LogDamaged func()
}

// Open opens the index for changes and creates it if necessary. It migrates an earlier schema under the lock.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	return openUpToDate(ctx, path, o, false)
}

// OpenLocked takes the lock of the index, creating the index if necessary, and opens it for changes.
// It takes the lock first because, without WAL, opening would block while another process writes.
func OpenLocked(ctx context.Context, path string, o Options) (*Store, store.Lock, error) {
	if err := prepare(ctx, path); err != nil { // the lock file is in the folder of the index
		return nil, nil, err
	}
	if err := refuseForeign(ctx, path); err != nil { // no lock file next to a photo
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
	if !locked { // OpenLocked has checked it before it took the lock
		if err := refuseForeign(ctx, path); err != nil {
			return nil, err
		}
	}
	o.reportLog(path, locked)
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
	// The pragmas are in the DSN so that every pooled connection gets them. FULL: a commit survives a power cut;
	// there is about one commit per second.
	return open(ctx, path, "_txlock=immediate", pragma("journal_mode", journal), pragma("synchronous", "FULL"),
		pragma("foreign_keys", "1"), pragma("busy_timeout", "10000"))
}

// update migrates an earlier schema, under the lock.
func (s *Store) update(ctx context.Context, o Options, locked bool) error {
	err := s.checkSchema(ctx)
	if err == nil && locked {
		return s.updatePlaces(ctx)
	}
	if err == nil || !errors.Is(err, store.ErrNoIndex) && !errors.Is(err, errOld) {
		return err
	}
	if !locked {
		l, err := tryLock(s.path)
		if err != nil {
			return err
		}
		defer l.Unlock() //nolint:errcheck // it only closes the file
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

// refuseForeign checks the file without changing it: a file that is not an index, or is from a newer program, must stay as it is.
func refuseForeign(ctx context.Context, path string) error {
	s, err := open(ctx, path, "mode=ro", pragma("query_only", "1"))
	if err == nil {
		defer s.Close()
		err = s.checkSchema(ctx)
	}
	if errors.Is(err, store.ErrNotIndex) || errors.Is(err, store.ErrNewer) {
		return fmt.Errorf("open index %q: %w", path, err)
	}
	return nil // opening the index reports any other error
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

// maxIdle is the number of connections that stay open for the next queries. To open one means to read the schema again, which takes ten times as long as a
// small query: measured with 64 clients that load thumbnails, 3,700 a second with the default of 2, and 15,000 with 8.
const maxIdle = 8

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
	db.SetMaxIdleConns(maxIdle)
	s := &Store{db: db, read: newStatements(db, false), path: path}
	// Read the file now, so that an error is reported here and not by the first query.
	if _, err := s.userVersion(ctx); err != nil {
		db.Close()
		return nil, fmt.Errorf("open index %q: %w", path, explain(err))
	}
	return s, nil
}

// fileURI returns the URI of an absolute path, with special characters escaped.
func fileURI(abs string) string {
	slashed := filepath.ToSlash(abs)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // C:/... is /C:/... in a URI
	}
	return "file:" + (&url.URL{Path: slashed}).EscapedPath()
}

// Close closes all connections. When the last writer closes, SQLite moves the write-ahead log into the database.
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

// Check reports whether there may be an index at a path, without opening the file.
func Check(path string) error {
	completePending(path)
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if left := rescue(path); left != "" {
			return &store.LostError{Rescue: left}
		}
		return store.ErrNoIndex
	case err != nil:
		return cmp.Or(fserr.Denied(path), fserr.Cause(err))
	case info.IsDir():
		return fmt.Errorf("%w: it is a folder", store.ErrNotIndex)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%w: it is not a regular file", store.ErrNotIndex)
	}
	return fserr.Denied(path) // SQLite would only report that it cannot open the file
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

// writable reports whether the index may be changed. The mode bits count for root too, although the system would let root write:
// they are there on purpose.
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

// explain turns SQLite's error codes into the sentinel errors of package store, without SQLite's words and codes.
func explain(err error) error {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return store.ErrFull
	case sqlite3.SQLITE_READONLY:
		return store.ErrReadOnly
	case sqlite3.SQLITE_NOTADB:
		return store.ErrNotIndex
	case sqlite3.SQLITE_CORRUPT:
		return store.ErrDamaged
	case sqlite3.SQLITE_CANTOPEN:
		if noMoreFiles() {
			return fmt.Errorf("open the index: %w", syscall.EMFILE)
		}
	case sqlite3.SQLITE_IOERR:
		if e.Code() == sqlite3.SQLITE_IOERR_WRITE || e.Code() == sqlite3.SQLITE_IOERR_TRUNCATE {
			return fmt.Errorf("write the index (is the disk full?): %w", err)
		}
	}
	return err
}

// noMoreFiles reports whether the process has about as many open files as it may have. SQLite needs three for an index, and does not say why
// it could not open one.
func noMoreFiles() bool {
	for range 3 {
		f, err := os.Open(os.DevNull)
		if err != nil {
			return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
		}
		defer f.Close()
	}
	return false
}

// Integrity runs SQLite's integrity check on the whole file. A healthy index has no findings.
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

// checkpoint moves the write-ahead log into the database, so that only one file remains.
func (s *Store) checkpoint(ctx context.Context) error {
	_, err := s.db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	return explain(err)
}

// Examine checks an index of any schema without changing or migrating it, and returns the problems found.
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
