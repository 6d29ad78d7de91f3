// Package jobqueue keeps indexing sessions in the database of an index, and lets workers on any number of machines do them as jobs of River. A session is one job
// that walks a folder of a root and finds what is to be read, jobs that each read a batch of files, one that settles what is gone, and jobs that read
// texts. It must not know how any of that is done.
//
// Whatever a job changes in the index is committed together with what it adds to its session, and only while the attempt still has its claim: a job may be
// done again at any time, and counts once. Every transaction here locks the row of the session first.
package jobqueue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/imgsearch/imgsearch/index/jobs"
	"github.com/imgsearch/imgsearch/index/postgres"
	"github.com/imgsearch/imgsearch/index/store"
)

// Queue is an open queue. Its methods may be called from any goroutine.
type Queue struct {
	s      *postgres.Store
	db     *pgxpool.Pool
	client *river.Client[pgx.Tx] // which only adds jobs
}

// Open opens the queue of an index, and creates River's tables if needed. The store must be open for changes, and stay open.
func Open(ctx context.Context, s *postgres.Store) (*Queue, error) {
	q := Look(s)
	driver := riverpgxv5.New(q.db)
	noLog := slog.New(slog.DiscardHandler)
	m, err := rivermigrate.New(driver, &rivermigrate.Config{Schema: postgres.Schema, Logger: noLog})
	if err != nil {
		return nil, err
	}
	if err := q.migrate(ctx, m); err != nil {
		return nil, fmt.Errorf("open the sessions of index %q: %w", s.Location(), postgres.Explain(err))
	}
	q.client, err = river.NewClient(driver, &river.Config{Schema: postgres.Schema, Logger: noLog})
	return q, err
}

// Look returns the queue of an index that may be open for reading only. Only its methods that read may be called.
func Look(s *postgres.Store) *Queue { return &Queue{s: s, db: s.Pool()} }

// migrate creates River's tables, or brings them up to date.
func (q *Queue) migrate(ctx context.Context, m *rivermigrate.Migrator[pgx.Tx]) error {
	isCurrent := func() (bool, error) {
		have, err := m.ExistingVersions(ctx)
		return len(have) >= len(m.AllVersions()), err
	}
	if current, err := isCurrent(); current || err != nil {
		return err
	}
	return q.s.InTurn(ctx, func(*pgx.Conn) error {
		current, err := isCurrent() // another program may have done it
		if !current && err == nil {
			_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
		}
		return err
	})
}

// Request asks for the files below one folder of a root to be brought up to date.
type Request struct {
	Root  store.RootID
	Start string
	// Options are what the jobs must know, as JSON, the same for equal requests.
	Options  []byte
	Force    bool
	Priority jobs.Priority
}

// maxOpen is the number of sessions that may be open.
const maxOpen = 10_000

// Submit adds a session. An equal one that has not begun gets the higher of the two priorities instead, and is forced if either is. One that has begun may
// not see what has changed since: the new one waits for it, and lends it its priority.
func (q *Queue) Submit(ctx context.Context, r Request) (s Session, isNew bool, err error) {
	var id int64
	for range 5 { // another process may submit the same at once
		id, isNew, err = q.submit(ctx, r)
		if !isConflict(err) {
			break
		}
	}
	if err != nil {
		return s, false, postgres.Explain(err)
	}
	s, err = q.Session(ctx, id)
	return s, isNew, err
}

func (q *Queue) submit(ctx context.Context, r Request) (id int64, isNew bool, err error) {
	err = inTx(ctx, q.db, func(tx pgx.Tx) error {
		var root int32
		err := tx.QueryRow(ctx, "SELECT id FROM roots WHERE uid = $1", string(r.Root)).Scan(&root)
		if errors.Is(err, pgx.ErrNoRows) {
			return store.ErrNoRoot
		}
		if err != nil {
			return err
		}
		equal, err := listRows(ctx, tx, `WHERE root_id = $1 AND start = $2 AND md5(options) = md5($3) AND state IN ('queued', 'running') AND NOT cancelling ORDER BY id DESC FOR UPDATE OF s`, root, []byte(r.Start), string(r.Options))
		if err != nil {
			return err
		}
		for _, row := range equal {
			if err := join(ctx, tx, row, r); err != nil {
				return err
			}
			if row.state == jobs.Queued {
				id = row.id
				return nil
			}
		}
		isNew = true
		id, err = q.create(ctx, tx, root, r)
		return err
	})
	return id, isNew, err
}

// create adds a session with its first job.
func (q *Queue) create(ctx context.Context, tx pgx.Tx, root int32, r Request) (id int64, err error) {
	var open int
	var here bool // a worker runs on this machine
	if err := tx.QueryRow(ctx, "SELECT (SELECT count(*) FROM sessions WHERE state IN ('queued', 'running')), EXISTS (SELECT 1 FROM ("+runningWorkers+") w WHERE NOT w.reserve AND w.host = $1 AND $2 = ANY(w.roots))",
		q.s.Host(), root).Scan(&open, &here); err != nil {
		return 0, err
	}
	if open >= maxOpen {
		return 0, jobs.ErrMany
	}
	kind, walker := walkKind(root), ""
	if here {
		kind, walker = hostWalkKind(root, q.s.Host()), q.s.Host()
	}
	if err := tx.QueryRow(ctx, "INSERT INTO sessions(root_id, start, options, force, priority, walker) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
		root, []byte(r.Start), string(r.Options), r.Force, urgency(r.Priority), walker).Scan(&id); err != nil {
		return 0, err
	}
	if _, err := tx.Exec(ctx, "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE state NOT IN ('queued', 'running') ORDER BY id DESC OFFSET $1)", maxEnded); err != nil {
		return 0, err
	}
	row, err := oneRow(ctx, tx, id)
	if err != nil {
		return 0, err
	}
	return id, q.insert(ctx, tx, row, kind, 0, 0)
}

// maxEnded is the number of ended sessions that are kept.
const maxEnded = 1000

// join gives an open session the priority of an equal request if that is higher, and forces it if the request does and it has not begun.
func join(ctx context.Context, tx pgx.Tx, row sessionRow, r Request) error {
	p := min(row.priority, urgency(r.Priority))
	force := row.force || r.Force && row.state == jobs.Queued
	if p == row.priority && force == row.force {
		return nil
	}
	if _, err := tx.Exec(ctx, "UPDATE sessions SET priority = $2, force = $3, revision = revision + 1 WHERE id = $1", row.id, p, force); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, "UPDATE river_job SET priority = least(priority, $2) WHERE args @> jsonb_build_object('session', $1::bigint) AND state IN ('available', 'scheduled', 'retryable')", row.id, p)
	return err
}

// Session returns a session. jobs.ErrNoSession: there is none.
func (q *Queue) Session(ctx context.Context, id int64) (Session, error) {
	list, err := q.sessions(ctx, "WHERE s.id = $1", id)
	return only(list, err)
}

// Sessions returns up to limit sessions, the newest first.
func (q *Queue) Sessions(ctx context.Context, limit int) ([]Session, error) {
	return q.sessions(ctx, "ORDER BY s.id DESC LIMIT $1", limit)
}

// Open returns the sessions that have not ended, the oldest first.
func (q *Queue) Open(ctx context.Context) ([]Session, error) {
	return q.sessions(ctx, "WHERE s.state IN ('queued', 'running') ORDER BY s.id")
}

// Cancel cancels a session: its running jobs stop in an orderly way first. jobs.ErrEnded: it has ended.
func (q *Queue) Cancel(ctx context.Context, id int64) (Session, error) {
	if err := q.reclaimJobs(ctx); err != nil { // no worker may be running that does
		return Session{}, postgres.Explain(err)
	}
	cancelErr := inTx(ctx, q.db, func(tx pgx.Tx) error {
		row, err := lockRow(ctx, tx, id)
		switch {
		case err != nil:
			return err
		case row.state.HasEnded():
			return jobs.ErrEnded
		}
		return cancelRow(ctx, tx, row)
	})
	if cancelErr != nil && !errors.Is(cancelErr, jobs.ErrEnded) {
		return Session{}, postgres.Explain(cancelErr)
	}
	s, err := q.Session(ctx, id)
	return s, errors.Join(cancelErr, err)
}

// cancelRow deletes the jobs of a session that are not running. If there are no others, the session ends.
func cancelRow(ctx context.Context, tx pgx.Tx, row sessionRow) error {
	dropped, err := deleteWaiting(ctx, tx, row.id, 0)
	if err != nil {
		return err
	}
	if row.open -= dropped; row.open <= 0 {
		return endRow(ctx, tx, row, jobs.Cancelled, jobs.Fault{})
	}
	if row.cancelling && dropped == 0 {
		return nil
	}
	_, err = tx.Exec(ctx, "UPDATE sessions SET cancelling = true, open = $2, state = 'running', revision = revision + 1, changed_at = now() WHERE id = $1", row.id, row.open)
	return err
}

// deleteWaiting deletes the jobs of a session that are not running, with their batches, except one job, and returns their number.
func deleteWaiting(ctx context.Context, tx pgx.Tx, id, except int64) (int, error) {
	rows, err := tx.Query(ctx, "DELETE FROM river_job WHERE args @> jsonb_build_object('session', $1::bigint) AND id <> $2 AND state IN ('available', 'scheduled', 'retryable') RETURNING coalesce((args->>'batch')::bigint, 0)", id, except)
	if err != nil {
		return 0, err
	}
	batches, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return 0, err
	}
	_, err = tx.Exec(ctx, "DELETE FROM batches WHERE session_id = $1 AND id = ANY($2)", id, batches)
	return len(batches), err
}

// deleteWork deletes the jobs of a session that are not running, except one, and all batches: attempts that are running lose their claims.
func deleteWork(ctx context.Context, tx pgx.Tx, id, except int64) error {
	if _, err := deleteWaiting(ctx, tx, id, except); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, "DELETE FROM batches WHERE session_id = $1", id)
	return err
}

// lookEvery is how often After reads a session.
const lookEvery = 300 * time.Millisecond

// After waits until a session's revision is above the given one, also while the server cannot be reached.
func (q *Queue) After(ctx context.Context, id, revision int64) (s Session, err error) {
	for {
		s, err = q.Session(ctx, id)
		if err != nil && !errors.Is(err, store.ErrServer) || s.Revision > revision {
			return s, err
		}
		select {
		case <-time.After(lookEvery):
		case <-ctx.Done():
			return s, ctx.Err()
		}
	}
}

// insert adds a job of a session. files is the number of files of its batch, for people.
func (q *Queue) insert(ctx context.Context, tx pgx.Tx, row sessionRow, kind string, batch int64, files int) error {
	_, err := q.client.InsertTx(ctx, tx, jobArgs{kind: kind, Session: row.id, Batch: batch, Root: row.rootName(), Files: files},
		&river.InsertOpts{Priority: row.jobPriority(kind), Queue: queueOf(kind), MaxAttempts: maxAttempts})
	return err
}
