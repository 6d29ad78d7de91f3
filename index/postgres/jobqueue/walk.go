package jobqueue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/jobs"
	"github.com/imgsearch/imgsearch/index/postgres"
	"github.com/imgsearch/imgsearch/index/store"
)

// walk finds what is to be read.
func (a *attempt) walk(ctx context.Context) error {
	s, root, unlock, err := a.begin(ctx, false)
	if err != nil {
		return err
	}
	defer unlock()
	reached := index.Reachable(root) == nil
	var before index.Counts
	err = a.in(ctx, func(tx pgx.Tx, row sessionRow) error {
		switch {
		case row.stage != "walk":
			return errLost
		case row.files > 0 && !reached: // another attempt has reached it: its disk is connected elsewhere, or was unplugged
			return a.outOfReach()
		}
		if err := checkEarlier(ctx, tx, row); err != nil {
			return err
		}
		// What an earlier attempt has found is found again.
		if err := deleteWork(ctx, tx, row.id, a.job); err != nil {
			return err
		}
		before = row.countsNow()
		_, err := tx.Exec(ctx, `UPDATE sessions SET state = 'running', runs = runs + 1, started_at = coalesce(started_at, now()), claim = $2, walker = $3, waiting = '', files = done, walked = false,
			walk = '{}', open = 1, revision = revision + 1, changed_at = now() WHERE id = $1`, row.id, a.claim, a.s.Host())
		return err
	})
	if err != nil {
		return err
	}
	a.o.Log.Info(fmt.Sprintf("session %d: walking %s", a.session, store.Folder{Dir: s.Start}.Path(root.Path)), "session", a.session)
	size, err := a.batchSize(ctx)
	if err != nil {
		return err
	}
	division := index.Division{Size: func() int { return size }, Emit: func(ctx context.Context, b index.Batch) error {
		if err := a.emit(ctx, b); err != nil {
			return err
		}
		size, err = a.batchSize(ctx)
		return err
	}}
	f, complete, err := a.o.Handler.Walk(ctx, s, root, division, a.stopped)
	if err != nil {
		return err
	}
	if !complete {
		return a.returnJob(ctx)
	}
	data, err := f.Encode()
	if err != nil {
		return err
	}
	return a.in(ctx, func(tx pgx.Tx, row sessionRow) error {
		if row.claim != a.claim {
			return errLost
		}
		cancelled, err := a.closeJob(ctx, tx, &row)
		if cancelled || err != nil {
			return err
		}
		row.walked, row.stage = true, "read"
		if _, err := tx.Exec(ctx, `UPDATE sessions SET walk = $2, found = $3, walked = true, stage = 'read', open = $4, claim = '', revision = revision + 1, changed_at = now() WHERE id = $1`,
			row.id, asJSON(withoutCounted(f.Counts, before)), data, row.open); err != nil {
			return err
		}
		return a.next(ctx, tx, row)
	})
}

// checkEarlier returns a LaterError if an equal session has begun and not ended.
func checkEarlier(ctx context.Context, tx pgx.Tx, row sessionRow) error {
	var earlier bool
	err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM sessions WHERE root_id = $1 AND start = $2 AND id < $3 AND state = 'running')", row.root, row.start, row.id).Scan(&earlier)
	if err == nil && earlier {
		err = &jobs.LaterError{Reason: "an earlier session of this folder has not ended"}
	}
	return err
}

// withoutCounted returns what a walk has counted without the files that jobs of an earlier attempt have counted: to the walk, they are unchanged.
func withoutCounted(found, before index.Counts) index.Counts {
	again := min(found.Unchanged, before.Scanned-before.Failed)
	failed := min(found.FailedKnown, before.Failed)
	found.Unchanged -= again
	found.FailedKnown -= failed
	found.Scanned -= again + failed
	return found.Plus(index.Counts{}).Minus(index.Counts{Skipped: before.Skipped})
}

// A job reads at most maxFiles files, or as many as it takes an estimated jobTime for.
const (
	maxFiles = 200
	jobTime  = 2 * time.Minute
)

// batchSize returns how many files a job may have: by what the session's jobs have taken, else by what the slowest worker has measured.
func (a *attempt) batchSize(ctx context.Context) (int, error) {
	var seconds float64
	err := a.db.QueryRow(ctx, `SELECT CASE WHEN s.done >= 20 AND s.seconds > 0 THEN s.seconds / s.done ELSE coalesce((SELECT max(w.seconds) FROM (`+runningWorkers+`) w WHERE s.root_id = ANY(w.roots)), 0) END
		FROM sessions s WHERE s.id = $1`, a.session).Scan(&seconds)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, errLost
	}
	if err != nil {
		return 0, postgres.Explain(err)
	}
	if seconds <= 0 {
		return maxFiles, nil
	}
	return int(min(max(jobTime.Seconds()/seconds, 1), maxFiles)), nil
}

// emit adds a batch with its job.
func (a *attempt) emit(ctx context.Context, b index.Batch) error {
	return a.in(ctx, func(tx pgx.Tx, row sessionRow) error {
		if row.claim != a.claim {
			return errLost
		}
		if row.cancelling {
			a.stop()
			return nil
		}
		if _, err := tx.Exec(ctx, "UPDATE sessions SET open = open + 1, files = files + $2, revision = revision + 1, changed_at = now() WHERE id = $1", row.id, b.Len()); err != nil {
			return err
		}
		return a.addBatch(ctx, tx, row, b, false)
	})
}
