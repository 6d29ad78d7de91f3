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
	"io"
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
	q := &Queue{s: s, db: s.Pool()}
	driver := riverpgxv5.New(q.db)
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	m, err := rivermigrate.New(driver, &rivermigrate.Config{Schema: postgres.Schema, Logger: quiet})
	if err != nil {
		return nil, err
	}
	if err := q.migrate(ctx, m); err != nil {
		return nil, fmt.Errorf("open the sessions of index %q: %w", s.Location(), postgres.Explain(err))
	}
	q.client, err = river.NewClient(driver, &river.Config{Schema: postgres.Schema, Logger: quiet})
	return q, err
}

// Look returns the queue of an index that may be open for reading only: it shows workers and sessions, and changes nothing.
func Look(s *postgres.Store) *Queue { return &Queue{s: s, db: s.Pool()} }

// migrateClass is the first number of the lock that is held while River's tables are made.
const migrateClass = 0x696d676d // "imgm"

// migrate creates River's tables, or brings them up to date. Programs that do so take turns.
func (q *Queue) migrate(ctx context.Context, m *rivermigrate.Migrator[pgx.Tx]) error {
	all := m.AllVersions()
	newest := all[len(all)-1].Version
	current := func(row pgx.Row) (bool, error) {
		var exists bool
		if err := row.Scan(&exists); err != nil || !exists {
			return false, err
		}
		var have int
		err := q.db.QueryRow(ctx, "SELECT coalesce(max(version), 0) FROM river_migration WHERE line = 'main'").Scan(&have)
		return have >= newest, err
	}
	const exists = "SELECT to_regclass('river_migration') IS NOT NULL"
	if done, err := current(q.db.QueryRow(ctx, exists)); done || err != nil {
		return err
	}
	conn, err := q.db.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1, 0)", migrateClass); err != nil {
		return err
	}
	defer conn.Exec(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1, 0)", migrateClass) //nolint:errcheck // a broken connection holds no lock
	if done, err := current(conn.QueryRow(ctx, exists)); done || err != nil {
		return err
	}
	_, err = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
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
	for range 5 { // another process may submit the same at once
		s, isNew, err = q.submit(ctx, r)
		if !isConflict(err) {
			break
		}
	}
	return s, isNew, postgres.Explain(err)
}

func (q *Queue) submit(ctx context.Context, r Request) (s Session, isNew bool, err error) {
	err = inTx(ctx, q.db, func(tx pgx.Tx) error {
		var root int32
		if err := tx.QueryRow(ctx, "SELECT id FROM roots WHERE uid = $1", string(r.Root)).Scan(&root); err != nil {
			if errors.Is(err, pgx.ErrNoRows) {
				return store.ErrNoRoot
			}
			return err
		}
		same, err := listRows(ctx, tx, `WHERE root_id = $1 AND start = $2 AND md5(options) = md5($3) AND state IN ('queued', 'running') AND NOT cancelling ORDER BY id DESC FOR UPDATE OF s`, root, []byte(r.Start), string(r.Options))
		if err != nil {
			return err
		}
		for _, row := range same {
			joined, err := q.join(ctx, tx, row, r)
			if err != nil {
				return err
			}
			if row.state == jobs.Queued {
				s = joined
				return nil
			}
		}
		var open int
		if err := tx.QueryRow(ctx, "SELECT count(*) FROM sessions WHERE state IN ('queued', 'running')").Scan(&open); err != nil {
			return err
		}
		if open >= maxOpen {
			return jobs.ErrMany
		}
		var id int64
		kind, walker := walkKind(root), ""
		var here bool
		if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM ("+livingWorkers+") w WHERE NOT w.reserve AND w.host = $1 AND $2 = ANY(w.roots))", q.s.Host(), root).Scan(&here); err != nil {
			return err
		}
		if here {
			kind, walker = hereKind(root, q.s.Host()), q.s.Host()
		}
		if err := tx.QueryRow(ctx, "INSERT INTO sessions(root_id, start, options, force, priority, walker) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
			root, []byte(r.Start), string(r.Options), r.Force, urgency(r.Priority), walker).Scan(&id); err != nil {
			return err
		}
		row, err := oneRow(ctx, tx, id)
		if err != nil {
			return err
		}
		isNew = true
		s = row.session()
		_, err = tx.Exec(ctx, "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE state NOT IN ('queued', 'running') ORDER BY id DESC OFFSET $1)", maxEnded)
		if err != nil {
			return err
		}
		return q.insert(ctx, tx, row, kind, 0, 0)
	})
	return s, isNew, err
}

// maxEnded is the number of ended sessions that are kept.
const maxEnded = 1000

// join makes an open session as urgent, and as thorough, as another request of the same.
func (q *Queue) join(ctx context.Context, tx pgx.Tx, row sessionRow, r Request) (Session, error) {
	p := min(row.priority, urgency(r.Priority))
	force := row.force || r.Force && row.state == jobs.Queued
	if p == row.priority && force == row.force {
		return row.session(), nil
	}
	if _, err := tx.Exec(ctx, "UPDATE sessions SET priority = $2, force = $3, revision = revision + 1 WHERE id = $1", row.id, p, force); err != nil {
		return Session{}, err
	}
	if _, err := tx.Exec(ctx, "UPDATE river_job SET priority = least(priority, $2) WHERE args @> jsonb_build_object('session', $1::bigint) AND state IN ('available', 'scheduled', 'retryable')", row.id, p); err != nil {
		return Session{}, err
	}
	row, err := oneRow(ctx, tx, row.id)
	return row.session(), err
}

// Session returns a session. jobs.ErrNoSession: there is none.
func (q *Queue) Session(ctx context.Context, id int64) (Session, error) {
	row, err := oneRow(ctx, q.db, id)
	if err != nil {
		return Session{}, postgres.Explain(err)
	}
	return row.session(), nil
}

// Sessions returns up to limit sessions, the newest first.
func (q *Queue) Sessions(ctx context.Context, limit int) ([]Session, error) {
	rows, err := listRows(ctx, q.db, "ORDER BY s.id DESC LIMIT $1", limit)
	list := make([]Session, len(rows))
	for i, row := range rows {
		list[i] = row.session()
	}
	return list, postgres.Explain(err)
}

// Open returns the sessions that have not ended, the oldest first.
func (q *Queue) Open(ctx context.Context) ([]Session, error) {
	rows, err := listRows(ctx, q.db, "WHERE s.state IN ('queued', 'running') ORDER BY s.id")
	list := make([]Session, len(rows))
	for i, row := range rows {
		list[i] = row.session()
	}
	return list, postgres.Explain(err)
}

// Cancel cancels a session: its jobs that run stop in an orderly way first. jobs.ErrEnded: it has ended.
func (q *Queue) Cancel(ctx context.Context, id int64) (s Session, err error) {
	if err := q.sweep(ctx); err != nil { // there may be no worker that does
		return s, postgres.Explain(err)
	}
	err = inTx(ctx, q.db, func(tx pgx.Tx) error {
		row, err := lockRow(ctx, tx, id)
		if err != nil {
			return err
		}
		if row.state.HasEnded() {
			s = row.session()
			return jobs.ErrEnded
		}
		if err := cancelRow(ctx, tx, row); err != nil {
			return err
		}
		row, err = oneRow(ctx, tx, id)
		s = row.session()
		return err
	})
	return s, postgres.Explain(err)
}

// cancelRow drops the jobs of a session that nobody works on. If there are no others, it ends.
func cancelRow(ctx context.Context, tx pgx.Tx, row sessionRow) error {
	dropped, err := dropWaiting(ctx, tx, row.id)
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

// dropWaiting deletes the jobs of a session that nobody works on, and returns their number.
func dropWaiting(ctx context.Context, tx pgx.Tx, id int64) (int, error) {
	rows, err := tx.Query(ctx, "DELETE FROM river_job WHERE args @> jsonb_build_object('session', $1::bigint) AND state IN ('available', 'scheduled', 'retryable') RETURNING coalesce((args->>'batch')::bigint, 0)", id)
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

// lookEvery is how often a session is looked at that somebody waits for.
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
