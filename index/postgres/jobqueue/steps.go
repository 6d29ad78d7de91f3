package jobqueue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/jobs"
	"github.com/imgsearch/imgsearch/index/postgres"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/caught"
)

// errLost means that an attempt no longer has its claim: its session has ended, or somebody else does the job.
var errLost = errors.New("another worker has this job now")

// attempt is one attempt to do a job.
type attempt struct {
	*life
	job, session, batch int64
	claim               string
	endJobs             <-chan struct{}
	stopping            stopping
}

func (a *attempt) claimOf(n, errs int) string {
	return fmt.Sprintf("%s/%d/%d/%d", a.me.name, a.job, n, errs)
}

// stopping closes a channel once.
type stopping struct {
	once sync.Once
	c    chan struct{}
}

func (s *stopping) stop() { s.once.Do(func() { close(s.c) }) }

// Report is what a job adds to its session.
type Report struct {
	a *attempt
	// numbers are those of the files of the batch.
	numbers map[store.Place]int

	mu        sync.Mutex
	committed index.Counts
	failures  []jobs.UnreadFile
	notices   []string
	provider  string
}

// Committing is index.Request.Committing: what a transaction adds to the session is committed with it, or it fails.
func (r *Report) Committing(ctx context.Context, t store.Tx, c index.Commit) error {
	tx, err := postgres.Transaction(ctx, t)
	if err != nil {
		return err
	}
	row, err := lockRow(ctx, tx, r.a.session)
	if err != nil {
		return postgres.Explain(err)
	}
	if row.state != jobs.Running {
		return errLost
	}
	numbers := make([]int32, 0, len(c.Done))
	for _, place := range c.Done {
		if n, ok := r.numbers[place]; ok {
			numbers = append(numbers, int32(n)) //nolint:gosec // a batch has at most 200 files
		}
	}
	stage := row.stage
	if r.a.batch > 0 {
		tag, err := tx.Exec(ctx, "UPDATE batches SET done = done || $3 WHERE id = $1 AND claim = $2", r.a.batch, r.a.claim, numbers)
		if err != nil {
			return postgres.Explain(err)
		}
		if tag.RowsAffected() == 0 {
			return errLost
		}
	} else if row.claim != r.a.claim {
		return errLost
	}
	if c.Settles {
		stage = "settled"
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	row = r.told(row)
	if _, err := tx.Exec(ctx, "UPDATE sessions SET counts = $2, done = done + $3, stage = $4, failures = $5, notices = $6, providers = $7, waiting = '', revision = revision + 1, changed_at = now() WHERE id = $1",
		row.id, asJSON(row.countsNow().Plus(c.Added)), len(numbers), stage, row.failures, row.notices, row.providers); err != nil {
		return postgres.Explain(err)
	}
	r.committed = r.committed.Plus(c.Added)
	return nil
}

// told returns the row with what was reported. The caller holds mu.
func (r *Report) told(row sessionRow) sessionRow {
	var failures []jobs.UnreadFile
	var notices []string
	_ = json.Unmarshal([]byte(row.failures), &failures) // written by this package
	_ = json.Unmarshal([]byte(row.notices), &notices)
	for _, f := range r.failures {
		if len(failures) < jobs.MaxFailures && !slices.ContainsFunc(failures, func(other jobs.UnreadFile) bool { return other.Path == f.Path }) {
			failures = append(failures, f)
		}
	}
	for _, n := range r.notices {
		if len(notices) < jobs.MaxFailures && !slices.Contains(notices, n) {
			notices = append(notices, n)
		}
	}
	if r.provider != "" && !slices.Contains(row.providers, r.provider) {
		row.providers = append(row.providers, r.provider)
	}
	row.failures, row.notices = asJSON(failures), asJSON(notices)
	return row
}

// Failed adds a file that could not be read.
func (r *Report) Failed(path, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.failures) < jobs.MaxFailures {
		r.failures = append(r.failures, jobs.UnreadFile{Path: path, Reason: reason})
	}
}

// Noticed adds something that the owner should know.
func (r *Report) Noticed(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.notices) < jobs.MaxFailures {
		r.notices = append(r.notices, text)
	}
}

// Computed records where the tower has computed.
func (r *Report) Computed(provider string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.provider = provider
}

// tryWork is work, with panics as errors.
func (a *attempt) tryWork(ctx context.Context, kind string) (err error) {
	defer caught.Error(&err)
	return a.work(ctx, kind)
}

// work does the part of the session that the job is.
func (a *attempt) work(ctx context.Context, kind string) error {
	a.stopping.c = make(chan struct{})
	done := make(chan struct{})
	defer close(done)
	go a.watch(ctx, done)
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
func (a *attempt) watch(ctx context.Context, done <-chan struct{}) {
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		select {
		case <-a.endJobs:
			a.stopping.stop()
			return
		case <-tick.C:
			var stops bool
			err := a.db.QueryRow(ctx, "SELECT cancelling OR state NOT IN ('queued', 'running') FROM sessions WHERE id = $1", a.session).Scan(&stops)
			if err == nil && stops || errors.Is(err, pgx.ErrNoRows) {
				a.stopping.stop()
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

// begin makes sure that this machine can do the job now, and returns what it needs.
func (a *attempt) begin(ctx context.Context, s Session, reaches bool) (store.Root, func(), error) {
	all, err := a.s.Roots(ctx)
	if err != nil {
		return store.Root{}, nil, err
	}
	i := slices.IndexFunc(all, func(r store.Root) bool { return r.ID == s.Root })
	if i < 0 {
		return store.Root{}, nil, store.ErrNoRoot
	}
	root := all[i]
	if root.Elsewhere || reaches && root.Walked && index.Reachable(root) != nil {
		return root, nil, &jobs.LaterError{Reason: a.outOfReach()} // the worker notices too, and takes no more of these
	}
	lock, err := a.s.LockShared(ctx, root.ID)
	if errors.Is(err, store.ErrBusy) {
		return root, nil, &jobs.LaterError{Reason: "another process is indexing"}
	}
	if err != nil {
		return root, nil, err
	}
	return root, func() { _ = lock.Unlock() }, nil // the server releases it in any case
}

// outOfReach is why a session waits whose root this machine cannot reach.
func (a *attempt) outOfReach() string { return "the folder cannot be reached on " + a.s.Host() }

// wait records why the session waits. An error costs only that.
func (a *attempt) wait(ctx context.Context, reason string) {
	_, _ = a.db.Exec(ctx, "UPDATE sessions SET waiting = $2, revision = revision + 1 WHERE id = $1 AND waiting <> $2 AND state IN ('queued', 'running')", a.session, reason)
}

// fail ends the session.
func (a *attempt) fail(ctx context.Context, fault jobs.Fault) error {
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

// walk finds what is to be read.
func (a *attempt) walk(ctx context.Context) error {
	var s Session
	var before index.Counts
	cancelled := false
	err := a.in(ctx, func(tx pgx.Tx, row sessionRow) (err error) {
		if row.stage != "walk" || row.root == nil {
			return errLost
		}
		s = row.session()
		if row.cancelling {
			cancelled, err = a.closeJob(ctx, tx, &row)
		}
		return err
	})
	if err != nil || cancelled {
		return err
	}
	root, unlock, err := a.begin(ctx, s, false)
	if err != nil {
		return err
	}
	defer unlock()
	later, reached := "", index.Reachable(root) == nil
	err = a.in(ctx, func(tx pgx.Tx, row sessionRow) (err error) {
		switch {
		case row.stage != "walk":
			return errLost
		case row.cancelling:
			cancelled, err = a.closeJob(ctx, tx, &row)
			return err
		case row.files > 0 && !reached:
			later = a.outOfReach() // it was reached before: a disk was unplugged, or a connection lost, on one machine only
			return nil
		}
		if later, err = earlier(ctx, tx, row); later != "" || err != nil {
			return err
		}
		// What an earlier attempt has found is found again.
		if _, err := tx.Exec(ctx, "DELETE FROM river_job WHERE args @> jsonb_build_object('session', $1::bigint) AND id <> $2 AND state IN ('available', 'scheduled', 'retryable')", row.id, a.job); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM batches WHERE session_id = $1", row.id); err != nil {
			return err
		}
		before = row.countsNow()
		_, err = tx.Exec(ctx, `UPDATE sessions SET state = 'running', runs = runs + 1, started_at = coalesce(started_at, now()), claim = $2, walker = $3, waiting = '', files = done, walked = false,
			walk = '{}', open = 1, revision = revision + 1, changed_at = now() WHERE id = $1`, row.id, a.claim, a.s.Host())
		return err
	})
	if err != nil || cancelled {
		return err
	}
	if later != "" {
		return &jobs.LaterError{Reason: later}
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
	f, complete, err := a.o.Handler.Walk(ctx, s, root, division, a.stopping.c)
	if err != nil {
		return err
	}
	if !complete {
		return a.stopped(ctx)
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
			row.id, asJSON(newIn(f.Counts, before)), data, row.open); err != nil {
			return err
		}
		return a.next(ctx, tx, row)
	})
}

// earlier returns why a session waits for an equal one that has begun; "" if there is none.
func earlier(ctx context.Context, tx pgx.Tx, row sessionRow) (reason string, err error) {
	var is bool
	err = tx.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM sessions WHERE root_id = $1 AND start = $2 AND id < $3 AND state = 'running')", row.root, row.start, row.id).Scan(&is)
	if is {
		reason = "an earlier session of this folder has not ended"
	}
	return reason, err
}

// newIn returns what a walk has counted without what an earlier attempt of the same session has done: to the walk, those files are unchanged.
func newIn(found, before index.Counts) index.Counts {
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
	err := a.db.QueryRow(ctx, `SELECT CASE WHEN s.done >= 20 AND s.seconds > 0 THEN s.seconds / s.done ELSE coalesce((SELECT max(w.seconds) FROM (`+livingWorkers+`) w WHERE s.root_id = ANY(w.roots)), 0) END
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
	content, err := b.Encode()
	if err != nil {
		return err
	}
	return a.in(ctx, func(tx pgx.Tx, row sessionRow) error {
		root, err := row.rootID()
		if err != nil {
			return err
		}
		if row.claim != a.claim {
			return errLost
		}
		if row.cancelling {
			a.stopping.stop()
			return nil
		}
		if _, err := tx.Exec(ctx, "UPDATE sessions SET open = open + 1, files = files + $2, revision = revision + 1, changed_at = now() WHERE id = $1", row.id, b.Files()); err != nil {
			return err
		}
		_, err = a.addBatch(ctx, tx, row, readKind(root), "read", b.Files(), content)
		return err
	})
}

// addBatch adds a batch with its job, and returns its id.
func (a *attempt) addBatch(ctx context.Context, tx pgx.Tx, row sessionRow, of, kind string, files int, content []byte) (id int64, err error) {
	if err := tx.QueryRow(ctx, "INSERT INTO batches(session_id, kind, files, content) VALUES ($1, $2, $3, $4) RETURNING id", row.id, kind, files, content).Scan(&id); err != nil {
		return 0, err
	}
	return id, a.insert(ctx, tx, row, of, id, files)
}

// stopped ends an attempt that was stopped: the job returns to the queue, unless its session is cancelled.
func (a *attempt) stopped(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	cancelled := false
	err := a.in(ctx, func(tx pgx.Tx, row sessionRow) (err error) {
		if !row.cancelling {
			return nil
		}
		if a.batch > 0 {
			tag, err := tx.Exec(ctx, "DELETE FROM batches WHERE id = $1 AND claim = $2", a.batch, a.claim)
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
	if err == nil && !cancelled {
		err = jobs.ErrStopped
	}
	return err
}

// read reads a batch of files, or the texts of pictures.
func (a *attempt) read(ctx context.Context) error {
	var s Session
	var root store.Root
	var kind, walker string
	var content []byte
	var done []int32
	var size int
	var own bool
	one, err := oneRow(ctx, a.db, a.session)
	if err != nil {
		return postgres.Explain(err)
	}
	s = one.session()
	if !one.cancelling && !one.state.HasEnded() { // else nothing is read
		var unlock func()
		if root, unlock, err = a.begin(ctx, s, true); err != nil {
			return err
		}
		defer unlock()
	}
	err = a.in(ctx, func(tx pgx.Tx, row sessionRow) error {
		s, walker = row.session(), row.walker
		err := tx.QueryRow(ctx, "UPDATE batches SET claim = $2 WHERE id = $1 RETURNING kind, files, content, done, own", a.batch, a.claim).Scan(&kind, &size, &content, &done, &own)
		if errors.Is(err, pgx.ErrNoRows) {
			return errLost
		}
		if err != nil {
			return err
		}
		if !row.cancelling {
			if len(done) == 0 && !own {
				content, err = a.divide(ctx, tx, row, kind, size, content)
			}
			return err
		}
		if _, err := tx.Exec(ctx, "DELETE FROM batches WHERE id = $1", a.batch); err != nil {
			return err
		}
		_, err = a.closeJob(ctx, tx, &row)
		content = nil
		return err
	})
	if err != nil || content == nil {
		return err
	}
	if root.ID == "" {
		return &jobs.LaterError{Reason: "it is being stopped"} // it was not any more
	}
	var slot int
	select {
	case slot = <-a.slot:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { a.slot <- slot }()
	begin := time.Now()
	r := &Report{a: a, numbers: make(map[store.Place]int)}
	var sum index.Summary
	var unseen index.Batch
	if kind == "text" {
		var ids []store.PictureID
		if ids, err = decodeIDs(content); err != nil {
			return err
		}
		sum, err = a.o.Handler.ReadTexts(ctx, s, root, slot, ids, r, a.stopping.c)
	} else {
		var batch index.Batch
		if batch, err = index.DecodeBatch(content); err != nil {
			return err
		}
		for n, place := range batch.Places(root.ID) {
			r.numbers[place] = n
		}
		was := make(map[int]bool)
		for _, n := range done {
			was[int(n)] = true
		}
		sum, unseen, err = a.o.Handler.Read(ctx, s, root, slot, batch.Without(was), walker == a.s.Host(), r, a.stopping.c)
	}
	if err != nil {
		return err
	}
	if !sum.Complete {
		return a.stopped(ctx)
	}
	return a.in(ctx, func(tx pgx.Tx, row sessionRow) error {
		var files, counted int
		err := tx.QueryRow(ctx, "DELETE FROM batches WHERE id = $1 AND claim = $2 RETURNING files, cardinality(done)", a.batch, a.claim).Scan(&files, &counted)
		if errors.Is(err, pgx.ErrNoRows) {
			return errLost
		}
		if err != nil {
			return err
		}
		seconds := time.Since(begin).Seconds()
		if kind == "text" {
			files, counted, seconds = 0, 0, 0
		}
		if len(unseen.Items) > 0 { // the machine that has found them reads them
			if err := a.leave(ctx, tx, row, unseen); err != nil {
				return err
			}
			files -= unseen.Files()
			row.open++
		}
		if row, err = a.add(ctx, tx, row, r, sum, files-counted, seconds); err != nil {
			return err
		}
		cancelled, err := a.closeJob(ctx, tx, &row)
		if cancelled || err != nil {
			return err
		}
		return a.next(ctx, tx, row)
	})
}

// leave makes a batch for the machine that has walked.
func (a *attempt) leave(ctx context.Context, tx pgx.Tx, row sessionRow, b index.Batch) error {
	root, err := row.rootID()
	if err != nil {
		return err
	}
	content, err := b.Encode()
	if err != nil {
		return err
	}
	id, err := a.addBatch(ctx, tx, row, ownKind(root, row.walker), "read", b.Files(), content)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "UPDATE batches SET own = true WHERE id = $1", id)
	return err
}

// add adds to the session what a job has done and not added yet.
func (a *attempt) add(ctx context.Context, tx pgx.Tx, row sessionRow, r *Report, sum index.Summary, files int, seconds float64) (sessionRow, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	row = r.told(row)
	row.counts = asJSON(row.countsNow().Plus(sum.Minus(r.committed)))
	row.done += files
	row.seconds += seconds
	_, err := tx.Exec(ctx, "UPDATE sessions SET counts = $2, failures = $3, notices = $4, done = $5, seconds = $6, providers = $7, waiting = '' WHERE id = $1",
		row.id, row.counts, row.failures, row.notices, row.done, row.seconds, row.providers)
	return row, err
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

// settle drops what is gone, and finds the texts to read.
func (a *attempt) settle(ctx context.Context) error {
	var s Session
	var data []byte
	var settled, cancelled bool
	err := a.in(ctx, func(tx pgx.Tx, row sessionRow) (err error) {
		if row.stage != "settle" && row.stage != "settled" || row.walker != a.s.Host() {
			return errLost
		}
		if row.cancelling {
			cancelled, err = a.closeJob(ctx, tx, &row)
			return err
		}
		s, settled = row.session(), row.stage == "settled"
		return tx.QueryRow(ctx, "UPDATE sessions SET claim = $2 WHERE id = $1 RETURNING found", row.id, a.claim).Scan(&data)
	})
	if err != nil || cancelled {
		return err
	}
	f, err := index.DecodeFound(data)
	if err != nil {
		return err
	}
	root, unlock, err := a.begin(ctx, s, false)
	if err != nil {
		return err
	}
	defer unlock()
	r := &Report{a: a}
	sum := index.Summary{Complete: true}
	if !settled {
		if sum, err = a.o.Handler.Settle(ctx, s, root, f, r, a.stopping.c); err != nil {
			return err
		}
	}
	if !sum.Complete {
		return a.stopped(ctx)
	}
	if err := a.o.Handler.Conclude(ctx, s, root, r); err != nil {
		return err
	}
	lists, err := a.o.Handler.Texts(ctx, s, root)
	if err != nil {
		return err
	}
	return a.in(ctx, func(tx pgx.Tx, row sessionRow) error {
		if row.claim != a.claim {
			return errLost
		}
		row, err := a.add(ctx, tx, row, r, sum, 0, 0)
		if err != nil {
			return err
		}
		cancelled, err := a.closeJob(ctx, tx, &row)
		if cancelled || err != nil {
			return err
		}
		if len(lists) == 0 {
			return a.done(ctx, tx, row)
		}
		return a.beginTexts(ctx, tx, row, lists)
	})
}

// beginTexts adds the jobs that read texts.
func (a *attempt) beginTexts(ctx context.Context, tx pgx.Tx, row sessionRow, lists [][]store.PictureID) error {
	root, err := row.rootID()
	if err != nil {
		return err
	}
	pictures := 0
	for _, ids := range lists {
		data, err := encodeIDs(ids)
		if err != nil {
			return err
		}
		pictures += len(ids)
		if _, err := a.addBatch(ctx, tx, row, textKind(root), "text", len(ids), data); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, "UPDATE sessions SET stage = 'text', claim = '', found = NULL, open = $2, texts = $3, revision = revision + 1, changed_at = now() WHERE id = $1", row.id, len(lists), pictures)
	return err
}

// done ends a session that has done everything.
func (a *attempt) done(ctx context.Context, tx pgx.Tx, row sessionRow) error {
	counts := row.sum()
	a.o.Log.Info(fmt.Sprintf("session %d ended: %d added, %d updated, %d unchanged, %d removed, %d could not be read", a.session, counts.Added, counts.Updated, counts.Unchanged, counts.Removed, counts.Failed),
		"session", a.session, "added", counts.Added, "updated", counts.Updated, "removed", counts.Removed, "embedded", counts.Embedded, "failed", counts.Failed)
	return endRow(ctx, tx, row, jobs.Done, jobs.Fault{})
}
