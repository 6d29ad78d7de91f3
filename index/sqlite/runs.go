package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// Run is one invocation of index.
type Run struct {
	ID        int64
	StartedAt time.Time
	EndedAt   time.Time // zero: it is running, or died
	Complete  bool
	Provider  string
	Embedded  int
	Summary   string // JSON
}

// StartRun records that a run has begun.
func (s *Store) StartRun(ctx context.Context, modelID int64) (id int64, err error) {
	err = s.db.QueryRowContext(ctx, "INSERT INTO runs(started_at, model_id) VALUES (?, ?) RETURNING id", time.Now().Unix(), modelID).Scan(&id)
	return id, explain(err)
}

// keptRuns is how many runs are remembered; a nightly job's year.
const keptRuns = 400

// EndRun records how a run ended.
func (s *Store) EndRun(ctx context.Context, r Run) error {
	if _, err := s.db.ExecContext(ctx, "UPDATE runs SET ended_at = ?, complete = ?, provider = ?, embedded = ?, summary = ? WHERE id = ?",
		time.Now().Unix(), r.Complete, r.Provider, r.Embedded, r.Summary, r.ID); err != nil {
		return explain(err)
	}
	_, err := s.db.ExecContext(ctx, "DELETE FROM runs WHERE id <= ?", r.ID-keptRuns)
	return explain(err)
}

// LastRun returns the newest run; ok is false where there was none.
func (s *Store) LastRun(ctx context.Context) (r Run, ok bool, err error) {
	return s.lastRun(ctx, "")
}

// LastCompleteRun returns the newest run that came to its end; ok is false where none did.
func (s *Store) LastCompleteRun(ctx context.Context) (r Run, ok bool, err error) {
	return s.lastRun(ctx, "WHERE complete AND ended_at IS NOT NULL")
}

func (s *Store) lastRun(ctx context.Context, where string) (r Run, ok bool, err error) {
	var started int64
	var ended sql.NullInt64
	var provider, summary sql.NullString
	err = s.db.QueryRowContext(ctx, "SELECT id, started_at, ended_at, complete, provider, embedded, summary FROM runs "+where+" ORDER BY id DESC LIMIT 1").
		Scan(&r.ID, &started, &ended, &r.Complete, &provider, &r.Embedded, &summary)
	if errors.Is(err, sql.ErrNoRows) {
		return r, false, nil
	}
	r.StartedAt = time.Unix(started, 0)
	if ended.Valid {
		r.EndedAt = time.Unix(ended.Int64, 0)
	}
	r.Provider, r.Summary = provider.String, summary.String
	return r, err == nil, explain(err)
}
