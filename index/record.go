package index

import (
	"context"
	"encoding/json"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
)

// RunState is how a run ended.
type RunState string

// The states. Of a run without a record the index's lock tells whether it goes on or crashed.
const (
	RunComplete    RunState = "complete"
	RunInterrupted RunState = "interrupted" // its user stopped it
	RunTimeUp      RunState = "time_up"     // Request.For had passed
	RunFailed      RunState = "failed"
)

// recordVersion goes up when a field of Record changes its meaning.
const recordVersion = 1

// Record is what the index keeps of a run that has ended, as JSON. Fields may be added.
type Record struct {
	Version int      `json:"version"`
	State   RunState `json:"state"`
	// Error is why it failed.
	Error       string         `json:"error,omitempty"`
	Scanned     int            `json:"scanned"`
	Added       int            `json:"added"`
	Updated     int            `json:"updated"`
	Moved       int            `json:"moved"`
	Unchanged   int            `json:"unchanged"`
	Removed     int            `json:"removed"`
	Kept        int            `json:"kept"`
	Skipped     map[string]int `json:"skipped,omitempty"`
	Failed      int            `json:"failed"`
	FailedKnown int            `json:"failed_known"`
	Embedded    int            `json:"embedded"`
	Damaged     int            `json:"damaged"`
	Unreachable int            `json:"unreachable"`
	ElapsedMS   int64          `json:"elapsed_ms"`
}

// RecordOf returns the record of a run that has ended. Of one that an earlier version of imgsearch kept, the state is all that is known.
func RecordOf(r store.Run) Record {
	var kept Record
	if err := json.Unmarshal([]byte(r.Summary), &kept); err == nil && kept.Version >= 1 {
		return kept
	}
	if r.Complete {
		return Record{State: RunComplete}
	}
	return Record{State: RunInterrupted}
}

// record makes the record of a run that ended with a summary, and an error if it failed.
func record(s Summary, err error) Record {
	r := Record{
		Version: recordVersion, State: RunInterrupted, Scanned: s.Scanned, Added: s.Added, Updated: s.Updated, Moved: s.Moved, Unchanged: s.Unchanged,
		Removed: s.Removed, Kept: s.Kept, Skipped: s.Skipped, Failed: s.Failed, FailedKnown: s.FailedKnown, Embedded: s.Embedded, Damaged: s.Damaged,
		Unreachable: s.Unreachable, ElapsedMS: s.Elapsed.Milliseconds(),
	}
	switch {
	case err != nil:
		r.State, r.Error = RunFailed, err.Error()
	case s.Complete:
		r.State = RunComplete
	case s.Stopped == TimeUp:
		r.State = RunTimeUp
	}
	return r
}

// recorded keeps the beginning and the end of a run's work in the index, however it ends. What the work fails with counts before what
// recording it does.
func (r *run) recorded(ctx context.Context, begin time.Time, work func() error) error {
	var err error
	if r.runID, err = r.store.StartRun(ctx, r.req.Model.Identity); err != nil {
		return err
	}
	err = work()
	sum := r.summary(begin)
	cause := err
	if ctx.Err() != nil { // whoever ended the context wanted it to end
		cause = nil
	}
	data, jsonErr := json.Marshal(record(sum, cause))
	if jsonErr != nil {
		return jsonErr
	}
	endErr := r.store.EndRun(context.WithoutCancel(ctx), store.Run{
		ID: r.runID, Complete: r.complete && err == nil, Provider: r.provider(), Embedded: sum.Embedded, Summary: string(data),
	})
	if err != nil {
		return err
	}
	return endErr
}

func (r *run) provider() string {
	if r.req.Provider == nil {
		return ""
	}
	return r.req.Provider()
}
