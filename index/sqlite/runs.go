package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
)

// StartRun records the start of a run.
func (s *Store) StartRun(ctx context.Context, model string) (id store.RunID, err error) {
	err = s.read.QueryRowContext(ctx, "INSERT INTO runs(started_at, model_id) VALUES (?, (SELECT id FROM models WHERE identity = ?)) RETURNING id",
		time.Now().Unix(), model).Scan(&id)
	return id, explain(err)
}

// keptRuns is the number of runs kept: more than a year of nightly runs.
const keptRuns = 400

// EndRun records how a run ended. After a complete run, it moves the write-ahead log into the database.
func (s *Store) EndRun(ctx context.Context, r store.Run) error {
	err := s.inTx(ctx, func(t *tx) error {
		if _, err := t.exec(ctx, "UPDATE runs SET ended_at = ?, complete = ?, provider = ?, embedded = ?, summary = ? WHERE id = ?",
			time.Now().Unix(), r.Complete, r.Provider, r.Embedded, r.Summary, int64(r.ID)); err != nil {
			return err
		}
		_, err := t.exec(ctx, "DELETE FROM runs WHERE id <= ?", int64(r.ID)-keptRuns)
		return err
	})
	if err != nil || !r.Complete {
		return err
	}
	return s.checkpoint(ctx)
}

// LastRun returns the most recent run.
func (s *Store) LastRun(ctx context.Context, complete bool) (r store.Run, ok bool, err error) {
	where := "1"
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
	list, err := collect(ctx, s.read, "SELECT id, started_at, ended_at, complete, provider, embedded, summary FROM runs WHERE "+where+" ORDER BY id DESC LIMIT ?",
		func(scan scanFunc) (r store.Run, err error) {
			var started int64
			var ended sql.NullInt64
			var provider, summary sql.NullString
			err = scan(&r.ID, &started, &ended, &r.Complete, &provider, &r.Embedded, &summary)
			r.StartedAt = time.Unix(started, 0)
			if ended.Valid {
				r.EndedAt = time.Unix(ended.Int64, 0)
			}
			r.Provider, r.Summary = provider.String, summary.String
			return r, err
		}, limit)
	return list, explain(err)
}
