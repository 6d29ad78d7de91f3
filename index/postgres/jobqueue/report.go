package jobqueue

import (
	"context"
	"encoding/json"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/jobs"
	"github.com/imgsearch/imgsearch/index/postgres"
	"github.com/imgsearch/imgsearch/index/store"
)

// Report collects what a job adds to its session. The methods of a nil Report, except Committing, do nothing.
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
	row = r.merge(row)
	if _, err := tx.Exec(ctx, "UPDATE sessions SET counts = $2, done = done + $3, stage = $4, failures = $5, notices = $6, providers = $7, waiting = '', revision = revision + 1, changed_at = now() WHERE id = $1",
		row.id, asJSON(row.countsNow().Plus(c.Added)), len(numbers), stage, row.failures, row.notices, row.providers); err != nil {
		return postgres.Explain(err)
	}
	r.committed = r.committed.Plus(c.Added)
	return nil
}

// merge returns the row with what was reported. The caller holds mu.
func (r *Report) merge(row sessionRow) sessionRow {
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
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.failures) < jobs.MaxFailures {
		r.failures = append(r.failures, jobs.UnreadFile{Path: path, Reason: reason})
	}
}

// Noticed adds something that the owner should know.
func (r *Report) Noticed(text string) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.notices) < jobs.MaxFailures {
		r.notices = append(r.notices, text)
	}
}

// Computed records where the tower has computed.
func (r *Report) Computed(provider string) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.provider = provider
}

// add adds to the session what its job has done and not committed yet.
func (r *Report) add(ctx context.Context, tx pgx.Tx, row sessionRow, sum index.Summary, files int, seconds float64) (sessionRow, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	row = r.merge(row)
	row.counts = asJSON(row.countsNow().Plus(sum.Minus(r.committed)))
	row.done += files
	row.seconds += seconds
	_, err := tx.Exec(ctx, "UPDATE sessions SET counts = $2, failures = $3, notices = $4, done = $5, seconds = $6, providers = $7, waiting = '' WHERE id = $1",
		row.id, row.counts, row.failures, row.notices, row.done, row.seconds, row.providers)
	return row, err
}
