// Package jobqueue keeps the sessions of one machine in a SQLite file beside the index: one table, one worker. It must not know what is done for a session.
package jobqueue

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/imgsearch/imgsearch/index/jobs"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/regular"
)

// Path returns the path of the file for an index. It is not in the index's own file: beside the pipeline's transactions of half a second, a queue
// would stand still.
func Path(index string) string { return strings.TrimSuffix(index, ".db") + ".jobs.db" }

// Suffixes are those of the files at Path.
var Suffixes = []string{"", "-wal", "-shm", "-journal", ".lock"}

// version is the schema's version.
const version = 1

const schema = `CREATE TABLE sessions (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	key TEXT NOT NULL,
	state TEXT NOT NULL,
	priority INTEGER NOT NULL,
	revision INTEGER NOT NULL,
	session TEXT NOT NULL
);
CREATE INDEX sessions_state ON sessions(state, priority, id);`

const (
	// maxEnded is the number of ended sessions that are kept.
	maxEnded = 1000
	// maxWaiting is the number of sessions that may wait.
	maxWaiting = 10_000
)

// Queue is an open queue.
type Queue struct {
	db   *sql.DB
	lock *flock.Flock
	path string

	// mu is held during every change, so that changes and what is announced about them have one order.
	mu      sync.Mutex
	changed chan struct{} // closed and replaced at every change
	current *current      // the session that is worked on; nil: none
}

var _ jobs.Queue = (*Queue)(nil)

// current is the session that is worked on.
type current struct {
	session jobs.Session
	stop    chan struct{}
	stopped bool
}

func (c *current) end() {
	if !c.stopped {
		c.stopped = true
		close(c.stop)
	}
}

// Open opens the queue at a path, and creates it if needed. Sessions that an earlier process worked on wait again. jobs.ErrTaken: another process has it;
// store.ErrDamaged: it cannot be read.
func Open(ctx context.Context, path string) (*Queue, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("open sessions %q: %w", path, err)
	}
	lock := flock.New(path+".lock", flock.SetPermissions(0o600))
	ok, err := lock.TryLock()
	if err == nil && !ok {
		err = jobs.ErrTaken
	}
	if err != nil {
		return nil, fmt.Errorf("open sessions %q: %w", path, err)
	}
	q, err := open(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("open sessions %q: %w", path, errors.Join(explain(err), lock.Close()))
	}
	q.lock = lock
	return q, nil
}

func open(ctx context.Context, path string) (*Queue, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	f, err := regular.OpenFile(abs, os.O_RDWR|os.O_CREATE, 0o600, regular.NoLinks) // private, like the index
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	slashed := filepath.ToSlash(abs)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // C:/... is /C:/... in a URI
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: slashed}).EscapedPath()+"?_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(5000)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	q := &Queue{db: db, path: path, changed: make(chan struct{})}
	if err := q.prepare(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return q, nil
}

// prepare creates the table, and returns to the queue what a dead process was working on.
func (q *Queue) prepare(ctx context.Context) error {
	var v int
	if err := q.db.QueryRowContext(ctx, "PRAGMA user_version").Scan(&v); err != nil {
		return err
	}
	switch {
	case v > version:
		return store.ErrNewer
	case v == 0:
		if _, err := q.db.ExecContext(ctx, fmt.Sprintf("BEGIN; %s PRAGMA user_version = %d; COMMIT", schema, version)); err != nil {
			return err
		}
	}
	return q.recover(ctx)
}

// recover returns to the queue what was being worked on when work ended without saying so. The caller holds mu, or has not shared the queue yet.
func (q *Queue) recover(ctx context.Context) error {
	list, err := q.rows(ctx, "WHERE state = ?", jobs.Running)
	for _, s := range list {
		if err == nil {
			_, err = q.store(ctx, requeued(s))
		}
	}
	return err
}

// requeued returns a session as it is after it was stopped: it waits again, or is cancelled if that was asked for.
func requeued(s jobs.Session) jobs.Session {
	s.State = jobs.Queued
	if s.Cancelling {
		s.State, s.Cancelling, s.EndedAt = jobs.Cancelled, false, time.Now()
	}
	return s
}

// Close closes the queue, once Work has ended.
func (q *Queue) Close() error { return errors.Join(q.db.Close(), q.lock.Close()) }

// rows returns sessions.
func (q *Queue) rows(ctx context.Context, where string, args ...any) (list []jobs.Session, err error) {
	rows, err := q.db.QueryContext(ctx, "SELECT id, state, revision, session FROM sessions "+where, args...)
	if err != nil {
		return nil, explain(err)
	}
	defer rows.Close()
	for rows.Next() {
		var s jobs.Session
		var id, revision int64
		var state jobs.State
		var data []byte
		if err := rows.Scan(&id, &state, &revision, &data); err != nil {
			return nil, explain(err)
		}
		if err := json.Unmarshal(data, &s); err != nil {
			return nil, fmt.Errorf("session %d: %w", id, store.ErrDamaged)
		}
		s.ID, s.State, s.Revision = id, state, revision
		list = append(list, s)
	}
	return list, explain(rows.Err())
}

// store writes a session, a new one if its ID is 0, and announces it. The caller holds mu, or has not shared the queue yet.
func (q *Queue) store(ctx context.Context, s jobs.Session) (jobs.Session, error) {
	s.Revision++
	data, err := json.Marshal(s)
	if err != nil {
		return s, err
	}
	urgency := 0
	for i, p := range jobs.Priorities {
		if p == s.Priority {
			urgency = i
		}
	}
	if s.ID == 0 {
		res, err := q.db.ExecContext(ctx, "INSERT INTO sessions(key, state, priority, revision, session) VALUES(?, ?, ?, ?, ?)", s.Key(), s.State, urgency, s.Revision, data)
		if err != nil {
			return s, explain(err)
		}
		if s.ID, err = res.LastInsertId(); err != nil {
			return s, err
		}
	} else if _, err := q.db.ExecContext(ctx, "UPDATE sessions SET state = ?, priority = ?, revision = ?, session = ? WHERE id = ?", s.State, urgency, s.Revision, data, s.ID); err != nil {
		return s, explain(err)
	}
	q.announce()
	return s, nil
}

// announce wakes everybody who waits for a change. The caller holds mu, or has not shared the queue yet.
func (q *Queue) announce() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// Submit adds a session.
func (q *Queue) Submit(ctx context.Context, r jobs.Request) (jobs.Session, bool, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	same, err := q.rows(ctx, "WHERE key = ? AND state IN (?, ?) ORDER BY id DESC", r.Key(), jobs.Queued, jobs.Running)
	if err != nil {
		return jobs.Session{}, false, err
	}
	for _, s := range same {
		if s.Cancelling || r.Force && !s.Force && (s.State == jobs.Running || q.isCurrent(s.ID)) {
			continue
		}
		if !r.Priority.Before(s.Priority) && (s.Force || !r.Force) {
			return s, false, nil
		}
		if r.Priority.Before(s.Priority) {
			s.Priority = r.Priority
		}
		s.Force = s.Force || r.Force
		if s, err = q.store(ctx, s); err == nil {
			q.update(s)
		}
		return s, false, err
	}
	var waiting int
	if err := q.db.QueryRowContext(ctx, "SELECT count(*) FROM sessions WHERE state = ?", jobs.Queued).Scan(&waiting); err != nil {
		return jobs.Session{}, false, explain(err)
	}
	if waiting >= maxWaiting {
		return jobs.Session{}, false, jobs.ErrMany
	}
	s, err := q.store(ctx, jobs.Session{Request: r, State: jobs.Queued, CreatedAt: time.Now()})
	if err != nil {
		return s, false, err
	}
	q.interrupt(s)
	// If this fails, there are only more sessions than needed.
	_, _ = q.db.ExecContext(ctx, `DELETE FROM sessions WHERE state NOT IN (?, ?) AND id <= (SELECT id FROM sessions WHERE state NOT IN (?, ?) ORDER BY id DESC LIMIT 1 OFFSET ?)`,
		jobs.Queued, jobs.Running, jobs.Queued, jobs.Running, maxEnded)
	return s, true, nil
}

// update takes over a change of the session that is worked on, or lets it interrupt that one. The caller holds mu.
func (q *Queue) update(s jobs.Session) {
	if q.isCurrent(s.ID) { // which may not be stored as running yet
		c := &q.current.session
		c.Priority, c.Force, c.Revision = s.Priority, s.Force, s.Revision
		return
	}
	q.interrupt(s)
}

// isCurrent reports whether a session is worked on. The caller holds mu.
func (q *Queue) isCurrent(id int64) bool { return q.current != nil && q.current.session.ID == id }

// interrupt stops the current session if one that waits is more urgent. The caller holds mu.
func (q *Queue) interrupt(s jobs.Session) {
	if q.current != nil && s.State == jobs.Queued && s.Priority.Before(q.current.session.Priority) {
		q.current.end()
	}
}

// Session returns a session.
func (q *Queue) Session(ctx context.Context, id int64) (jobs.Session, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.session(ctx, id)
}

func (q *Queue) session(ctx context.Context, id int64) (jobs.Session, error) {
	list, err := q.rows(ctx, "WHERE id = ?", id)
	if err == nil && len(list) == 0 {
		err = jobs.ErrNoSession
	}
	if err != nil {
		return jobs.Session{}, err
	}
	return list[0], nil
}

// List returns up to limit sessions, the newest first.
func (q *Queue) List(ctx context.Context, limit int) ([]jobs.Session, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.rows(ctx, "ORDER BY id DESC LIMIT ?", limit)
}

// Cancel cancels a session.
func (q *Queue) Cancel(ctx context.Context, id int64) (jobs.Session, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	s, err := q.session(ctx, id)
	if err != nil {
		return s, err
	}
	if s.State.HasEnded() {
		return s, jobs.ErrEnded
	}
	s.Cancelling = true
	if q.isCurrent(id) {
		s.State = jobs.Running
	} else {
		s = requeued(s)
	}
	if s, err = q.store(ctx, s); err != nil {
		return s, err
	}
	if q.isCurrent(id) {
		q.current.session = s
		q.current.end()
	}
	return s, nil
}

// After waits until a session's revision is above the given one.
func (q *Queue) After(ctx context.Context, id, revision int64) (jobs.Session, error) {
	for {
		q.mu.Lock()
		s, err := q.session(ctx, id)
		changed := q.changed
		q.mu.Unlock()
		if err != nil || s.Revision > revision {
			return s, err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return s, ctx.Err()
		}
	}
}

// explain turns SQLite's errors into those of package store.
func explain(err error) error {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return store.ErrFull
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN:
		return store.ErrReadOnly
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return store.ErrDamaged
	}
	return err
}
