package jobqueue

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/imgsearch/imgsearch/index/jobs"
	"github.com/imgsearch/imgsearch/index/store"
)

// reclaimJobs removes the workers that no longer hold their lock, and returns the jobs of removed workers to the queue.
func (q *Queue) reclaimJobs(ctx context.Context) error {
	// In one order, since several workers do this at once.
	if _, err := q.db.Exec(ctx, "DELETE FROM workers WHERE id IN (SELECT id FROM workers WHERE id NOT IN (SELECT id FROM ("+runningWorkers+") w) ORDER BY id FOR UPDATE SKIP LOCKED)"); err != nil {
		return err
	}
	_, err := q.db.Exec(ctx, `UPDATE river_job SET state = 'available', scheduled_at = now() WHERE id IN (SELECT j.id FROM river_job j WHERE j.state = 'running' AND j.queue IN ('walk', 'read')
		AND NOT EXISTS (SELECT 1 FROM workers w WHERE w.name = split_part(j.attempted_by[array_length(j.attempted_by, 1)], '#', 1)) ORDER BY j.id FOR UPDATE SKIP LOCKED)`)
	return err
}

// releaseJobs returns those jobs of a worker to the queue that it is not working on: River could not record how they ended.
func (q *Queue) releaseJobs(ctx context.Context, name string, active []int64) error {
	_, err := q.db.Exec(ctx, `UPDATE river_job SET state = 'available', scheduled_at = now() WHERE state = 'running' AND split_part(attempted_by[array_length(attempted_by, 1)], '#', 1) = $1
		AND attempted_at < now() - interval '15 seconds' AND id <> ALL($2)`, name, active)
	return err
}

// lostAfter is how long what a machine has found may wait for a worker of that machine to settle it.
var lostAfter = time.Minute // tests shorten it

// repair restores missing jobs of sessions, which were lost with a connection or deleted by a user. It ends the sessions whose root was removed, with the given
// fault, and the cancelled ones that have no running job.
func (q *Queue) repair(ctx context.Context, rootless jobs.Fault) error {
	if err := q.endOrphans(ctx, rootless); err != nil {
		return err
	}
	type missing struct{ session, batch int64 }
	list, err := query(ctx, q.db, func(row pgx.CollectableRow) (m missing, err error) {
		err = row.Scan(&m.session, &m.batch)
		return m, err
	}, `WITH alive AS MATERIALIZED (SELECT (args->>'session')::bigint AS session, coalesce((args->>'batch')::bigint, 0) AS batch FROM river_job
			WHERE state IN ('available', 'scheduled', 'retryable', 'running') AND queue IN ('walk', 'read')),
		open AS (SELECT id, stage, walker, root_id, changed_at FROM sessions WHERE state IN ('queued', 'running'))
		SELECT b.session_id, b.id FROM batches b JOIN open s ON s.id = b.session_id WHERE NOT EXISTS (SELECT 1 FROM alive a WHERE a.batch = b.id)
		UNION ALL SELECT s.id, 0 FROM open s WHERE s.stage IN ('walk', 'settle', 'settled') AND NOT EXISTS (SELECT 1 FROM alive a WHERE a.session = s.id AND a.batch = 0)
		UNION ALL SELECT s.id, 0 FROM open s WHERE (s.stage IN ('settle', 'settled') OR s.stage = 'walk' AND s.walker <> '' OR EXISTS (SELECT 1 FROM batches b WHERE b.session_id = s.id AND b.own)) AND s.changed_at < now() - make_interval(secs => $1)
			AND NOT EXISTS (SELECT 1 FROM (`+runningWorkers+`) w WHERE w.host = s.walker AND s.root_id = ANY(w.roots))`, lostAfter.Seconds())
	if err != nil {
		return err
	}
	for _, m := range list {
		err := q.restoreJob(ctx, m.session, m.batch)
		if err != nil && !errors.Is(err, store.ErrNoRoot) { // the next repair ends it
			return err
		}
	}
	return nil
}

// endOrphans ends the sessions whose root was removed, and the cancelled ones that have no running job.
func (q *Queue) endOrphans(ctx context.Context, rootless jobs.Fault) error {
	list, err := query(ctx, q.db, pgx.RowTo[int64], "SELECT id FROM sessions WHERE state IN ('queued', 'running') AND (root_id IS NULL OR cancelling)")
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

// restoreJob inserts the missing job of a batch. If batch is 0, it inserts the job of the session's stage, and lets another machine walk if the one that has
// walked has no running worker.
func (q *Queue) restoreJob(ctx context.Context, session, batch int64) error {
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
			return q.restoreBatch(ctx, tx, row, root, batch)
		}
		if row.stage == "read" || row.stage == "text" { // only the machine that has walked sees the rest
			return q.walkAgain(ctx, tx, row, root)
		}
		alive, err := hasJob(ctx, tx, session, 0)
		if err != nil {
			return err
		}
		var there bool // a worker is running on the machine that walks, or has walked
		if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM ("+runningWorkers+") w WHERE w.host = $1 AND $2 = ANY(w.roots))", row.walker, root).Scan(&there); err != nil {
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

// walkAgain lets another machine walk, because no worker is running on the one that has walked.
func (q *Queue) walkAgain(ctx context.Context, tx pgx.Tx, row sessionRow, root int32) error {
	if err := deleteWork(ctx, tx, row.id, 0); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "UPDATE sessions SET stage = 'walk', walked = false, found = NULL, claim = '', walker = '', open = 1, revision = revision + 1, changed_at = now() WHERE id = $1", row.id); err != nil {
		return err
	}
	return q.insert(ctx, tx, row, walkKind(root), 0, 0)
}

// restoreBatch inserts the job of a batch, unless there is one.
func (q *Queue) restoreBatch(ctx context.Context, tx pgx.Tx, row sessionRow, root int32, batch int64) error {
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
	return q.insert(ctx, tx, row, batchKind(root, row.walker, kind, own), batch, files)
}

// hasJob reports whether a session has a job that has not ended: that of a batch, or the one without if batch is 0.
func hasJob(ctx context.Context, tx pgx.Tx, session, batch int64) (has bool, err error) {
	err = tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM river_job WHERE args @> jsonb_build_object('session', $1::bigint) AND state IN ('available', 'scheduled', 'retryable', 'running')
		AND coalesce((args->>'batch')::bigint, 0) = $2)`, session, batch).Scan(&has)
	return has, err
}
