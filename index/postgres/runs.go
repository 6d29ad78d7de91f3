package postgres

import (
	"context"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
)

// StartRun records the start of a run.
func (s *Store) StartRun(ctx context.Context, model string) (store.RunID, error) {
	id, _, err := value[int64](ctx, s.db, "INSERT INTO runs(host, started_at, model_id) VALUES ($1, $2, (SELECT id FROM models WHERE identity = $3)) RETURNING id",
		s.host, time.Now().Unix(), model)
	return store.RunID(id), err
}

// KeptRuns is the number of runs that are kept: more than a year of nightly runs.
const KeptRuns = 400

// EndRun records how a run ended.
func (s *Store) EndRun(ctx context.Context, r store.Run) error {
	return s.inTx(ctx, func(t *tx) error {
		if err := t.exec(ctx, "UPDATE runs SET ended_at = $1, complete = $2, provider = $3, embedded = $4, summary = $5 WHERE id = $6",
			time.Now().Unix(), r.Complete, r.Provider, r.Embedded, plain(r.Summary), int64(r.ID)); err != nil {
			return err
		}
		return t.exec(ctx, "DELETE FROM runs WHERE id <= $1", int64(r.ID)-KeptRuns)
	})
}

// LastRun returns the most recent run.
func (s *Store) LastRun(ctx context.Context, complete bool) (r store.Run, ok bool, err error) {
	where := "true"
	if complete {
		where = "complete AND ended_at IS NOT NULL"
	}
	list, err := s.runs(ctx, where, 1)
	if err != nil || len(list) == 0 {
		return r, false, err
	}
	return list[0], true, nil
}

// Runs returns the most recent runs that have ended, newest first.
func (s *Store) Runs(ctx context.Context, limit int) ([]store.Run, error) {
	return s.runs(ctx, "ended_at IS NOT NULL", limit)
}

func (s *Store) runs(ctx context.Context, where string, limit int) ([]store.Run, error) {
	return collect(ctx, s.db, "SELECT id, started_at, ended_at, complete, provider, embedded, summary FROM runs WHERE "+where+" ORDER BY id DESC LIMIT $1",
		func(scan scanFunc) (r store.Run, err error) {
			var started int64
			var ended *int64
			err = scan((*int64)(&r.ID), &started, &ended, &r.Complete, &r.Provider, &r.Embedded, &r.Summary)
			r.StartedAt = time.Unix(started, 0)
			if ended != nil {
				r.EndedAt = time.Unix(*ended, 0)
			}
			return r, err
		}, limit)
}
