package jobqueue

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/imgsearch/imgsearch/index/jobs"
	"github.com/imgsearch/imgsearch/index/postgres"
	"github.com/imgsearch/imgsearch/index/store"
)

const workerClass = postgres.WorkerClass

// Worker describes a worker that lives.
type Worker struct {
	Host     string
	PID      int
	Version  string
	Provider string
	Roots    []store.RootID
	// Reserve means that it works only while no other worker does.
	Reserve   bool
	StartedAt time.Time
}

// Workers returns the workers that live.
func (q *Queue) Workers(ctx context.Context) ([]Worker, error) {
	rows, err := q.db.Query(ctx, `SELECT w.host, w.pid, w.version, w.provider, w.reserve, w.started_at, ARRAY(SELECT uid FROM roots WHERE id = ANY(w.roots) ORDER BY id) FROM (`+livingWorkers+`) w ORDER BY w.id`)
	if err != nil {
		return nil, postgres.Explain(err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (w Worker, err error) {
		var roots []string
		err = row.Scan(&w.Host, &w.PID, &w.Version, &w.Provider, &w.Reserve, &w.StartedAt, &roots)
		for _, r := range roots {
			w.Roots = append(w.Roots, store.RootID(r))
		}
		return w, err
	})
	return list, postgres.Explain(err)
}

// Serves reports whether workers that live take the jobs of all these roots, and of new ones on this machine if onHere is set. Those in reserve do not count.
func (q *Queue) Serves(ctx context.Context, roots []store.RootID, onHere bool) (serves bool, err error) {
	list := make([]string, len(roots))
	for i, r := range roots {
		list[i] = string(r)
	}
	err = q.db.QueryRow(ctx, `WITH w AS (`+livingWorkers+` AND NOT w.reserve) SELECT NOT EXISTS (SELECT 1 FROM unnest($1::text[]) uid LEFT JOIN roots r USING (uid)
			WHERE NOT EXISTS (SELECT 1 FROM w WHERE r.id = ANY(w.roots) OR w.everything AND w.host = $2 AND EXISTS (SELECT 1 FROM mounts m WHERE m.root_id = r.id AND m.host = $2)))
		AND (NOT $3 OR EXISTS (SELECT 1 FROM w WHERE w.everything AND w.host = $2))`, list, q.s.Host(), onHere).Scan(&serves)
	return serves, postgres.Explain(err)
}

// registration is a worker's row and lock.
type registration struct {
	id      int32
	name    string
	session *postgres.Session
}

// register adds a worker, and takes the lock that shows that it lives.
func (q *Queue) register(ctx context.Context, o Options) (*registration, error) {
	r := &registration{}
	var err error
	r.session, err = q.s.OpenSession(ctx, func(ctx context.Context, conn *pgx.Conn) error {
		return inTx(ctx, conn, func(tx pgx.Tx) error {
			// The name has the id, so that no two workers ever have the same.
			err := tx.QueryRow(ctx, `INSERT INTO workers(name, host, pid, version, provider, seconds, reserve, everything) VALUES (gen_random_uuid()::text, $1, $2, $3, $4, $5, $6, $7) RETURNING id`,
				q.s.Host(), os.Getpid(), o.Version, o.Provider, o.Seconds, o.Reserve, o.Everything).Scan(&r.id)
			if err != nil {
				return err
			}
			r.name = fmt.Sprintf("%d@%s", r.id, clean(q.s.Host()))
			if _, err := tx.Exec(ctx, "UPDATE workers SET name = $2 WHERE id = $1", r.id, r.name); err != nil {
				return err
			}
			_, err = tx.Exec(ctx, "SELECT pg_advisory_lock($1, $2)", workerClass, r.id) // the session's, not the transaction's
			return err
		})
	})
	return r, err
}

// clean returns a machine's name in the characters that River allows in names.
func clean(host string) string {
	host = strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' {
			return c
		}
		return '_'
	}, host)
	return host[:min(len(host), 60)]
}

// leave removes a worker whose jobs have ended.
func (q *Queue) leave(ctx context.Context, r *registration) error {
	_, err := q.db.Exec(ctx, "DELETE FROM workers WHERE id = $1", r.id)
	return errors.Join(err, r.session.Close())
}

// sweep returns the jobs of dead workers to the queue, and puts right what a lost connection has left behind.
func (q *Queue) sweep(ctx context.Context) error {
	// In one order, since several workers sweep.
	if _, err := q.db.Exec(ctx, "DELETE FROM workers WHERE id IN (SELECT id FROM workers WHERE id NOT IN (SELECT id FROM ("+livingWorkers+") w) ORDER BY id FOR UPDATE SKIP LOCKED)"); err != nil {
		return err
	}
	_, err := q.db.Exec(ctx, `UPDATE river_job SET state = 'available', scheduled_at = now() WHERE id IN (SELECT j.id FROM river_job j WHERE j.state = 'running' AND j.queue IN ('walk', 'read')
		AND NOT EXISTS (SELECT 1 FROM workers w WHERE w.name = split_part(j.attempted_by[array_length(j.attempted_by, 1)], '#', 1)) ORDER BY j.id FOR UPDATE SKIP LOCKED)`)
	return err
}

// giveBack returns the jobs of a worker to the queue that it does not work on: River could not record how they ended.
func (q *Queue) giveBack(ctx context.Context, name string, active []int64) error {
	_, err := q.db.Exec(ctx, `UPDATE river_job SET state = 'available', scheduled_at = now() WHERE state = 'running' AND split_part(attempted_by[array_length(attempted_by, 1)], '#', 1) = $1
		AND attempted_at < now() - interval '15 seconds' AND id <> ALL($2)`, name, active)
	return err
}

// lostAfter is how long what a machine has found may wait for a worker of that machine to settle it.
var lostAfter = time.Minute // tests shorten it

// repair adds the jobs that sessions lack: a job can be lost when a connection breaks, or when somebody deletes it. It ends the sessions whose root was
// removed, with the given fault, and those that are cancelled and that nobody works on.
func (q *Queue) repair(ctx context.Context, rootless jobs.Fault) error {
	if err := q.endLeft(ctx, rootless); err != nil {
		return err
	}
	type lacking struct{ session, batch int64 }
	rows, err := q.db.Query(ctx, `WITH alive AS MATERIALIZED (SELECT (args->>'session')::bigint AS session, coalesce((args->>'batch')::bigint, 0) AS batch FROM river_job
			WHERE state IN ('available', 'scheduled', 'retryable', 'running') AND queue IN ('walk', 'read')),
		open AS (SELECT id, stage, walker, root_id, changed_at FROM sessions WHERE state IN ('queued', 'running'))
		SELECT b.session_id, b.id FROM batches b JOIN open s ON s.id = b.session_id WHERE NOT EXISTS (SELECT 1 FROM alive a WHERE a.batch = b.id)
		UNION ALL SELECT s.id, 0 FROM open s WHERE s.stage IN ('walk', 'settle', 'settled') AND NOT EXISTS (SELECT 1 FROM alive a WHERE a.session = s.id AND a.batch = 0)
		UNION ALL SELECT s.id, 0 FROM open s WHERE (s.stage IN ('settle', 'settled') OR s.stage = 'walk' AND s.walker <> '' OR EXISTS (SELECT 1 FROM batches b WHERE b.session_id = s.id AND b.own)) AND s.changed_at < now() - make_interval(secs => $1)
			AND NOT EXISTS (SELECT 1 FROM (`+livingWorkers+`) w WHERE w.host = s.walker AND s.root_id = ANY(w.roots))`, lostAfter.Seconds())
	if err != nil {
		return err
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (l lacking, err error) { return l, row.Scan(&l.session, &l.batch) })
	if err != nil {
		return err
	}
	for _, l := range list {
		if err := q.mend(ctx, l.session, l.batch); err != nil && !errors.Is(err, store.ErrNoRoot) {
			return err
		}
	}
	return nil
}

// endLeft ends the sessions that no job will end.
func (q *Queue) endLeft(ctx context.Context, rootless jobs.Fault) error {
	rows, err := q.db.Query(ctx, "SELECT id FROM sessions WHERE state IN ('queued', 'running') AND (root_id IS NULL OR cancelling)")
	if err != nil {
		return err
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return err
	}
	for _, id := range list {
		err := inTx(ctx, q.db, func(tx pgx.Tx) error {
			row, err := lockRow(ctx, tx, id)
			switch {
			case errors.Is(err, jobs.ErrNoSession), err == nil && row.state.HasEnded():
				return nil
			case err != nil:
				return err
			case row.cancelling:
				return cancelRow(ctx, tx, row)
			}
			return endRow(ctx, tx, row, jobs.Failed, rootless)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// mend adds the job of a batch, or that of the stage of a session if batch is 0.
func (q *Queue) mend(ctx context.Context, session, batch int64) error {
	return inTx(ctx, q.db, func(tx pgx.Tx) error {
		row, err := lockRow(ctx, tx, session)
		if err != nil || row.state.HasEnded() {
			return err
		}
		root, err := row.rootID()
		if err != nil {
			return err
		}
		if batch > 0 {
			return q.mendBatch(ctx, tx, row, root, batch)
		}
		if row.stage == "read" || row.stage == "text" { // only the machine that has walked sees the rest
			return q.walkAgain(ctx, tx, row, root)
		}
		alive, err := hasJob(ctx, tx, session, 0)
		if err != nil {
			return err
		}
		var there bool // a worker of the machine that walks, or has walked, lives
		if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM ("+livingWorkers+") w WHERE w.host = $1 AND $2 = ANY(w.roots))", row.walker, root).Scan(&there); err != nil {
			return err
		}
		switch {
		case !there:
			return q.walkAgain(ctx, tx, row, root)
		case alive:
			return nil
		case row.stage == "walk":
			return q.insert(ctx, tx, row, walkKind(root), 0, 0)
		}
		return q.insert(ctx, tx, row, settleKind(root, row.walker), 0, 0)
	})
}

// walkAgain lets another machine walk, because no worker is left on the one that has walked.
func (q *Queue) walkAgain(ctx context.Context, tx pgx.Tx, row sessionRow, root int32) error {
	if _, err := dropWaiting(ctx, tx, row.id); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "DELETE FROM batches WHERE session_id = $1", row.id); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "UPDATE sessions SET stage = 'walk', walked = false, found = NULL, claim = '', walker = '', open = 1, revision = revision + 1, changed_at = now() WHERE id = $1", row.id); err != nil {
		return err
	}
	return q.insert(ctx, tx, row, walkKind(root), 0, 0)
}

func (q *Queue) mendBatch(ctx context.Context, tx pgx.Tx, row sessionRow, root int32, batch int64) error {
	var kind string
	var files int
	var own bool
	err := tx.QueryRow(ctx, "SELECT kind, files, own FROM batches WHERE id = $1", batch).Scan(&kind, &files, &own)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	alive, err := hasJob(ctx, tx, row.id, batch)
	if err != nil || alive {
		return err
	}
	of := readKind(root)
	switch {
	case own:
		of = ownKind(root, row.walker)
	case kind == "text":
		of = textKind(root)
	}
	return q.insert(ctx, tx, row, of, batch, files)
}

// hasJob reports whether a session has a job that has not ended: that of a batch, or the one without if batch is 0.
func hasJob(ctx context.Context, tx pgx.Tx, session, batch int64) (has bool, err error) {
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM river_job WHERE args @> jsonb_build_object('session', $1::bigint) AND state IN ('available', 'scheduled', 'retryable', 'running')
		AND coalesce((args->>'batch')::bigint, 0) = $2)`, session, batch).Scan(&has)
	return has, err
}
