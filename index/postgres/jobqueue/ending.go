package jobqueue

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/jobs"
	"github.com/imgsearch/imgsearch/index/postgres"
)

// endRow ends a session, and deletes what is left of its work.
func endRow(ctx context.Context, tx pgx.Tx, row sessionRow, state jobs.State, fault jobs.Fault) error {
	if err := deleteWork(ctx, tx, row.id, 0); err != nil {
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
