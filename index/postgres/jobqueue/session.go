package jobqueue

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/jobs"
	"github.com/imgsearch/imgsearch/index/postgres"
	"github.com/imgsearch/imgsearch/index/store"
)

// Session is a session with its progress.
type Session struct {
	ID int64
	// Root is the root; "" if it was removed.
	Root       store.RootID
	Start      string
	Options    []byte
	Force      bool
	Priority   jobs.Priority
	State      jobs.State
	Cancelling bool
	Revision   int64
	Runs       int
	CreatedAt  time.Time
	// StartedAt, TextsAt and EndedAt are when it began, when the texts were begun, and when it ended; zero before that, or if no texts were read.
	StartedAt, TextsAt, EndedAt time.Time
	// Files is the number of files found that must be read, Done the number of those that are; Walked means that Files is final.
	Files, Done int
	Walked      bool
	// Texts is the number of pictures whose text is read after the files.
	Texts  int
	Counts index.Counts
	// Failures are the first files that could not be read, by their paths in the root.
	Failures []jobs.UnreadFile
	Notices  []string
	// Waiting is why nobody works on it; "" if somebody does, or could.
	Waiting string
	Error   jobs.Fault
	// Providers are where the towers have computed.
	Providers []string
}

// sessionRow is a row of the table.
type sessionRow struct {
	id                         int64
	root                       *int32
	uid, name                  *string // name is that of a path if the root has none
	start                      []byte
	options                    string
	force                      bool
	priority                   int
	state                      jobs.State
	stage                      string
	cancelling                 bool
	revision                   int64
	runs, open                 int
	claim, walker              string
	walked                     bool
	files, done, texts         int
	counts, walk               string
	seconds                    float64
	failures, notices, waiting string
	fault                      string
	providers                  []string
	created                    time.Time
	started, textsBegun, ended *time.Time
}

// fields returns where the columns are scanned to, in the order of sessionColumns.
func (r *sessionRow) fields() []any {
	return []any{
		&r.id, &r.root, &r.uid, &r.name, &r.start, &r.options, &r.force, &r.priority, &r.state, &r.stage, &r.cancelling, &r.revision, &r.runs, &r.open, &r.claim, &r.walker, &r.walked, &r.files, &r.done,
		&r.texts, &r.counts, &r.walk, &r.seconds, &r.failures, &r.notices, &r.waiting, &r.fault, &r.providers, &r.created, &r.started, &r.textsBegun, &r.ended,
	}
}

const (
	sessionColumns = `s.id, s.root_id, r.uid, coalesce(r.name, (SELECT m.host || ':' || encode(m.path, 'escape') FROM mounts m WHERE m.root_id = r.id ORDER BY m.host LIMIT 1)), s.start,
		s.options, s.force, s.priority, s.state, s.stage, s.cancelling, s.revision, s.runs, s.open, s.claim, s.walker, s.walked, s.files, s.done, s.texts, s.counts, s.walk, s.seconds, s.failures,
		s.notices, s.waiting, s.error, s.providers, s.created_at, s.started_at, s.texts_at, s.ended_at`
	fromSessions = ` FROM sessions s LEFT JOIN roots r ON r.id = s.root_id `
)

// isServed is whether a worker is running that can do a session, or, if it has not begun, will notice that it can.
var isServed = `s.state NOT IN ('queued', 'running') OR EXISTS (SELECT 1 FROM (` + runningWorkers + `) w WHERE s.root_id = ANY(w.roots)
	OR s.state = 'queued' AND w.everything AND EXISTS (SELECT 1 FROM mounts m WHERE m.root_id = s.root_id AND m.host = w.host))`

type querier interface {
	Query(ctx context.Context, query string, args ...any) (pgx.Rows, error)
}

// inTx runs change in a transaction. If its process is suspended meanwhile, the server ends the transaction, since others wait for what it has locked.
func inTx(ctx context.Context, db interface {
	BeginTx(ctx context.Context, o pgx.TxOptions) (pgx.Tx, error)
}, change func(pgx.Tx) error) error {
	return pgx.BeginTxFunc(ctx, db, pgx.TxOptions{BeginQuery: "BEGIN; SET LOCAL idle_in_transaction_session_timeout = '30s'"}, change)
}

// query runs a query and reads each row.
func query[T any](ctx context.Context, q querier, read func(pgx.CollectableRow) (T, error), sql string, args ...any) ([]T, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, read)
}

func listRows(ctx context.Context, q querier, where string, args ...any) ([]sessionRow, error) {
	return query(ctx, q, func(row pgx.CollectableRow) (r sessionRow, err error) {
		err = row.Scan(r.fields()...)
		return r, err
	}, "SELECT "+sessionColumns+fromSessions+where, args...)
}

func oneRow(ctx context.Context, q querier, id int64) (sessionRow, error) {
	return only(listRows(ctx, q, "WHERE s.id = $1", id))
}

// lockRow returns a session that no other transaction changes until this one ends.
func lockRow(ctx context.Context, tx pgx.Tx, id int64) (sessionRow, error) {
	return only(listRows(ctx, tx, "WHERE s.id = $1 FOR UPDATE OF s", id))
}

// only returns the only element. If there is none, the error is jobs.ErrNoSession.
func only[T any](list []T, err error) (one T, _ error) {
	if err != nil {
		return one, err
	}
	if len(list) == 0 {
		return one, jobs.ErrNoSession
	}
	return list[0], nil
}

// sessions returns sessions as users see them.
func (q *Queue) sessions(ctx context.Context, where string, args ...any) ([]Session, error) {
	list, err := query(ctx, q.db, func(row pgx.CollectableRow) (Session, error) {
		var r sessionRow
		var served bool
		err := row.Scan(append(r.fields(), &served)...)
		s := r.session()
		if !served {
			s.Waiting = NoWorker
		}
		return s, err
	}, "SELECT "+sessionColumns+", "+isServed+fromSessions+where, args...)
	return list, postgres.Explain(err)
}

// NoWorker is Session.Waiting of a session that no running worker can do.
const NoWorker = "no worker that sees this folder is running"

func (r sessionRow) session() Session {
	s := Session{
		ID: r.id, Start: string(r.start), Options: []byte(r.options), Force: r.force, State: r.state, Cancelling: r.cancelling, Revision: r.revision, Runs: r.runs,
		CreatedAt: r.created, Files: r.files, Done: r.done, Walked: r.walked, Texts: r.texts, Counts: r.sum(), Waiting: r.waiting, Providers: r.providers,
	}
	if r.uid != nil {
		s.Root = store.RootID(*r.uid)
	}
	if n := r.priority - 1; n >= 0 && n < len(jobs.Priorities) {
		s.Priority = jobs.Priorities[n]
	}
	if r.started != nil {
		s.StartedAt = *r.started
	}
	if r.textsBegun != nil {
		s.TextsAt = *r.textsBegun
	}
	if r.ended != nil {
		s.EndedAt = *r.ended
	}
	_ = json.Unmarshal([]byte(r.failures), &s.Failures) // written by this package
	_ = json.Unmarshal([]byte(r.notices), &s.Notices)
	if r.fault != "" {
		_ = json.Unmarshal([]byte(r.fault), &s.Error)
	}
	return s
}

// countsNow returns what the jobs have counted, but not the walk.
func (r sessionRow) countsNow() (c index.Counts) {
	_ = json.Unmarshal([]byte(r.counts), &c)
	return c
}

// sum returns what all jobs have counted.
func (r sessionRow) sum() (c index.Counts) {
	_ = json.Unmarshal([]byte(r.walk), &c)
	return c.Plus(r.countsNow())
}

// rootName is how the root is shown in River's user interface.
func (r sessionRow) rootName() string {
	if r.name != nil {
		return *r.name
	}
	return ""
}

// rootID returns the row id of the root. If it was removed, the error is store.ErrNoRoot.
func (r sessionRow) rootID() (int32, error) {
	if r.root == nil {
		return 0, store.ErrNoRoot
	}
	return *r.root, nil
}

// asJSON encodes what cannot fail.
func asJSON(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return "null"
	}
	return string(data)
}

// isConflict reports whether another transaction was faster, so that trying again helps.
func isConflict(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "23505" || pg.Code == "40P01" || pg.Code == "40001")
}
