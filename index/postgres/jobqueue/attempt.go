package jobqueue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/jobs"
	"github.com/imgsearch/imgsearch/index/postgres"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/caught"
)

// errLost means that an attempt no longer has its claim: its session has ended, or another worker has the job.
var errLost = errors.New("another worker has this job now")

// attempt is one attempt to do a job.
type attempt struct {
	*runner
	job, session, batch int64
	claim               string
	// stop closes stopped: the attempt ends in an orderly way.
	stop    func()
	stopped chan struct{}
}

// run does the part of the session that the job is, with panics as errors. Closing stopJobs stops it.
func (a *attempt) run(ctx context.Context, kind string, stopJobs <-chan struct{}) (err error) {
	defer caught.Error(&err)
	done := make(chan struct{})
	defer close(done)
	go a.watch(ctx, stopJobs, done)
	part, _, _ := strings.Cut(kind, "-")
	switch part {
	case "walk":
		return a.walk(ctx)
	case "settle":
		return a.settle(ctx)
	}
	return a.read(ctx)
}

// watch stops the attempt when the worker ends, or its session is cancelled.
func (a *attempt) watch(ctx context.Context, stopJobs, done <-chan struct{}) {
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-stopJobs:
			a.stop()
			return
		case <-tick.C:
			var stops bool
			err := a.db.QueryRow(ctx, "SELECT cancelling OR state NOT IN ('queued', 'running') FROM sessions WHERE id = $1", a.session).Scan(&stops)
			if err == nil && stops || errors.Is(err, pgx.ErrNoRows) {
				a.stop()
				return
			}
		case <-done:
			return
		}
	}
}

// in runs change in a transaction with the session's row, unless the session has ended.
func (a *attempt) in(ctx context.Context, change func(tx pgx.Tx, row sessionRow) error) error {
	err := inTx(ctx, a.db, func(tx pgx.Tx) error {
		row, err := lockRow(ctx, tx, a.session)
		if err != nil {
			return err
		}
		if row.state.HasEnded() {
			return errLost
		}
		return change(tx, row)
	})
	return postgres.Explain(err)
}

// closeJob counts the job as ended. It returns true if the session was being cancelled: that has been dealt with then.
func (a *attempt) closeJob(ctx context.Context, tx pgx.Tx, row *sessionRow) (cancelled bool, err error) {
	row.open--
	if !row.cancelling {
		return false, nil
	}
	if row.open <= 0 {
		return true, endRow(ctx, tx, *row, jobs.Cancelled, jobs.Fault{})
	}
	_, err = tx.Exec(ctx, "UPDATE sessions SET open = $2, revision = revision + 1 WHERE id = $1", row.id, row.open)
	return true, err
}

// closeIfCancelled closes the job if its session is being cancelled.
func (a *attempt) closeIfCancelled(ctx context.Context) (cancelled bool, err error) {
	err = a.in(ctx, func(tx pgx.Tx, row sessionRow) error {
		if !row.cancelling {
			return nil
		}
		if a.batch > 0 {
			tag, err := tx.Exec(ctx, "DELETE FROM batches WHERE id = $1", a.batch)
			if err != nil {
				return err
			}
			if tag.RowsAffected() == 0 {
				return errLost
			}
		}
		cancelled, err = a.closeJob(ctx, tx, &row)
		return err
	})
	return cancelled, err
}

// returnJob ends an attempt that was stopped: the job returns to the queue, unless its session is being cancelled.
func (a *attempt) returnJob(ctx context.Context) error {
	cancelled, err := a.closeIfCancelled(context.WithoutCancel(ctx))
	if err == nil && !cancelled {
		err = jobs.ErrStopped
	}
	return err
}

// begin checks that the job can be done on this machine now, and locks its root until unlock is called. The job of a session that is being cancelled is
// closed; the error is errLost then.
func (a *attempt) begin(ctx context.Context, mustReach bool) (s Session, root store.Root, unlock func(), err error) {
	row, err := oneRow(ctx, a.db, a.session)
	switch {
	case err != nil:
		return s, root, nil, postgres.Explain(err)
	case row.cancelling:
		if _, err := a.closeIfCancelled(ctx); err != nil {
			return s, root, nil, err
		}
		return s, root, nil, errLost
	}
	s = row.session()
	all, err := a.s.Roots(ctx)
	if err != nil {
		return s, root, nil, err
	}
	i := slices.IndexFunc(all, func(r store.Root) bool { return r.ID == s.Root })
	if i < 0 {
		return s, root, nil, store.ErrNoRoot
	}
	root = all[i]
	if root.Elsewhere || mustReach && root.Walked && index.Reachable(root) != nil {
		return s, root, nil, a.outOfReach()
	}
	lock, err := a.s.LockShared(ctx, root.ID)
	if errors.Is(err, store.ErrBusy) {
		return s, root, nil, &jobs.LaterError{Reason: "another process is indexing"}
	}
	if err != nil {
		return s, root, nil, err
	}
	return s, root, func() { _ = lock.Unlock() }, nil // if this fails, the server releases the lock with the connection
}

// outOfReach is the error of a job whose root this machine cannot reach. The worker notices too, and takes no more jobs of the root.
func (a *attempt) outOfReach() error {
	return &jobs.LaterError{Reason: "the folder cannot be reached on " + a.s.Host()}
}

// setWaiting records why the session waits. An error costs only that.
func (a *attempt) setWaiting(ctx context.Context, reason string) {
	_, _ = a.db.Exec(ctx, "UPDATE sessions SET waiting = $2, revision = revision + 1 WHERE id = $1 AND waiting <> $2 AND state IN ('queued', 'running')", a.session, reason)
}

// failSession ends the session with a fault.
func (a *attempt) failSession(ctx context.Context, fault jobs.Fault) error {
	err := a.in(ctx, func(tx pgx.Tx, row sessionRow) error {
		if row.cancelling {
			_, err := a.closeJob(ctx, tx, &row)
			return err
		}
		return endRow(ctx, tx, row, jobs.Failed, fault)
	})
	if errors.Is(err, errLost) {
		return nil
	}
	return err
}

// addBatch adds a batch with its job. own means that only the machine that has walked may read it.
func (a *attempt) addBatch(ctx context.Context, tx pgx.Tx, row sessionRow, b index.Batch, own bool) error {
	root, err := row.rootID()
	if err != nil {
		return err
	}
	content, err := b.Encode()
	if err != nil {
		return err
	}
	kind := readBatch
	if len(b.Pictures) > 0 {
		kind = textBatch
	}
	var id int64
	if err := tx.QueryRow(ctx, "INSERT INTO batches(session_id, kind, files, content, own) VALUES ($1, $2, $3, $4, $5) RETURNING id", row.id, kind, b.Len(), content, own).Scan(&id); err != nil {
		return err
	}
	return a.insert(ctx, tx, row, batchKind(root, row.walker, kind, own), id, b.Len())
}

// next begins the next part of the session, if all jobs of this one have ended.
func (a *attempt) next(ctx context.Context, tx pgx.Tx, row sessionRow) error {
	root, err := row.rootID()
	if err != nil {
		return err
	}
	if row.open > 0 || !row.walked {
		_, err := tx.Exec(ctx, "UPDATE sessions SET open = $2, revision = revision + 1, changed_at = now() WHERE id = $1", row.id, row.open)
		return err
	}
	if row.stage == "text" {
		return a.done(ctx, tx, row)
	}
	if _, err := tx.Exec(ctx, "UPDATE sessions SET stage = 'settle', open = 1, revision = revision + 1, changed_at = now() WHERE id = $1", row.id); err != nil {
		return err
	}
	return a.insert(ctx, tx, row, settleKind(root, row.walker), 0, 0)
}

// done ends a session that has done everything.
func (a *attempt) done(ctx context.Context, tx pgx.Tx, row sessionRow) error {
	counts := row.sum()
	a.o.Log.Info(fmt.Sprintf("session %d ended: %d added, %d updated, %d unchanged, %d removed, %d could not be read", a.session, counts.Added, counts.Updated, counts.Unchanged, counts.Removed, counts.Failed),
		"session", a.session, "added", counts.Added, "updated", counts.Updated, "removed", counts.Removed, "embedded", counts.Embedded, "failed", counts.Failed)
	return endRow(ctx, tx, row, jobs.Done, jobs.Fault{})
}
