package jobqueue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
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
	// StartedAt and EndedAt are zero before that.
	StartedAt, EndedAt time.Time
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
	started, ended             *time.Time
	served                     bool // a worker that sees the root lives
}

// livingWorkers are the rows of the workers that hold their lock.
var livingWorkers = fmt.Sprintf(`SELECT w.* FROM workers w WHERE EXISTS (SELECT 1 FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted AND l.classid = %d AND l.objid = w.id AND l.objsubid = 2
	AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()))`, workerClass)

var sessionColumns = `SELECT s.id, s.root_id, r.uid, coalesce(r.name, (SELECT m.host || ':' || encode(m.path, 'escape') FROM mounts m WHERE m.root_id = r.id ORDER BY m.host LIMIT 1)), s.start, s.options, s.force, s.priority, s.state, s.stage, s.cancelling, s.revision, s.runs, s.open, s.claim, s.walker,
	s.walked, s.files, s.done, s.texts, s.counts, s.walk, s.seconds, s.failures, s.notices, s.waiting, s.error, s.providers, s.created_at, s.started_at, s.ended_at,
	s.state NOT IN ('queued', 'running') OR EXISTS (SELECT 1 FROM (` + livingWorkers + `) w WHERE s.root_id = ANY(w.roots)
	OR s.state = 'queued' AND w.everything AND EXISTS (SELECT 1 FROM mounts m WHERE m.root_id = s.root_id AND m.host = w.host)) FROM sessions s LEFT JOIN roots r ON r.id = s.root_id `

type querier interface {
	Query(ctx context.Context, query string, args ...any) (pgx.Rows, error)
}

// inTx runs change in a transaction. The server ends it when its process was stopped meanwhile, since others wait for what it has locked.
func inTx(ctx context.Context, db interface {
	BeginTx(ctx context.Context, o pgx.TxOptions) (pgx.Tx, error)
}, change func(pgx.Tx) error) error {
	return pgx.BeginTxFunc(ctx, db, pgx.TxOptions{BeginQuery: "BEGIN; SET LOCAL idle_in_transaction_session_timeout = '30s'"}, change)
}

func listRows(ctx context.Context, q querier, where string, args ...any) ([]sessionRow, error) {
	rows, err := q.Query(ctx, sessionColumns+where, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (r sessionRow, err error) {
		err = row.Scan(&r.id, &r.root, &r.uid, &r.name, &r.start, &r.options, &r.force, &r.priority, &r.state, &r.stage, &r.cancelling, &r.revision, &r.runs, &r.open, &r.claim, &r.walker,
			&r.walked, &r.files, &r.done, &r.texts, &r.counts, &r.walk, &r.seconds, &r.failures, &r.notices, &r.waiting, &r.fault, &r.providers, &r.created, &r.started, &r.ended, &r.served)
		return r, err
	})
}

func oneRow(ctx context.Context, q querier, id int64) (sessionRow, error) {
	return only(listRows(ctx, q, "WHERE s.id = $1", id))
}

// lockRow returns a session that no other transaction changes until this one ends.
func lockRow(ctx context.Context, tx pgx.Tx, id int64) (sessionRow, error) {
	return only(listRows(ctx, tx, "WHERE s.id = $1 FOR UPDATE OF s", id))
}

func only(rows []sessionRow, err error) (sessionRow, error) {
	if err == nil && len(rows) == 0 {
		err = jobs.ErrNoSession
	}
	if err != nil {
		return sessionRow{}, err
	}
	return rows[0], nil
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
	if r.ended != nil {
		s.EndedAt = *r.ended
	}
	_ = json.Unmarshal([]byte(r.failures), &s.Failures) // written by this package
	_ = json.Unmarshal([]byte(r.notices), &s.Notices)
	if r.fault != "" {
		_ = json.Unmarshal([]byte(r.fault), &s.Error)
	}
	if !r.served {
		s.Waiting = NoWorker
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

// endRow ends a session, and deletes what is left of it. Attempts that still run have lost their claims.
func endRow(ctx context.Context, tx pgx.Tx, row sessionRow, state jobs.State, fault jobs.Fault) error {
	if _, err := dropWaiting(ctx, tx, row.id); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "DELETE FROM batches WHERE session_id = $1", row.id); err != nil {
		return err
	}
	text := ""
	if fault != (jobs.Fault{}) {
		text = asJSON(fault)
	}
	if row.started != nil && row.uid != nil {
		if err := recordRun(ctx, tx, row, state, fault); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, `UPDATE sessions SET state = $2, cancelling = false, error = $3, waiting = '', claim = '', found = NULL, open = 0, ended_at = now(), changed_at = now(),
		revision = revision + 1 WHERE id = $1`, row.id, state, text)
	return err
}

// runStates are the states of the runs that sessions are recorded as.
var runStates = map[jobs.State]index.RunState{jobs.Done: index.RunComplete, jobs.Cancelled: index.RunInterrupted, jobs.Failed: index.RunFailed}

// recordRun records a session that has ended as a run.
func recordRun(ctx context.Context, tx pgx.Tx, row sessionRow, state jobs.State, fault jobs.Fault) error {
	counts, s := row.sum(), row.session()
	record, err := index.RecordSession(counts, runStates[state], fault.Message, s.Root, counts.Unreachable > 0 && counts.Scanned == 0, time.Since(s.StartedAt))
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO runs(host, model_id, started_at, ended_at, complete, provider, embedded, summary)
		VALUES ($1, (SELECT id FROM models WHERE identity = $2), $3, $4, $5, $6, $7, $8)`,
		row.walker, modelOf(s.Options), s.StartedAt.Unix(), time.Now().Unix(), state == jobs.Done, strings.Join(s.Providers, ", "), counts.Embedded, record); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "DELETE FROM runs WHERE id <= (SELECT max(id) FROM runs) - $1", postgres.KeptRuns)
	return err
}

// modelOf returns the identity of the model in the options of a session, which their owner keeps under this name.
func modelOf(options []byte) string {
	var o struct {
		Model struct{ Identity string } `json:"model"`
	}
	_ = json.Unmarshal(options, &o)
	return o.Model.Identity
}

// isConflict reports whether another transaction was faster, so that trying again helps.
func isConflict(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "23505" || pg.Code == "40P01" || pg.Code == "40001")
}
