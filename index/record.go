package index

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
)

// RunState is how a run ended.
type RunState string

// The states. For a run without a record, the index's lock shows whether it is still running or crashed.
const (
	RunComplete    RunState = "complete"
	RunInterrupted RunState = "interrupted" // its user stopped it
	RunTimeUp      RunState = "time_up"     // Request.For had passed
	RunFailed      RunState = "failed"
)

// recordVersion goes up when a field of Record changes its meaning.
const recordVersion = 1

// Record is what the index stores about a run that has ended, as JSON. Fields may be added.
type Record struct {
	Version int      `json:"version"`
	State   RunState `json:"state"`
	// Error is why the run failed.
	Error string `json:"error,omitempty"`
	Counts
	// Roots are the roots that the run settled, UnreachableRoots those of them that could not be examined.
	Roots            []store.RootID `json:"roots,omitempty"`
	UnreachableRoots []store.RootID `json:"unreachable_roots,omitempty"`
	ElapsedMS        int64          `json:"elapsed_ms"`
}

// RecordOf returns the record of a run that has ended. If an earlier version of imgsearch recorded it, only the state is known.
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

// record returns the record of a run that ended with this summary in this state; err is why it failed.
func record(s Summary, state RunState, err error) Record {
	r := Record{
		Version: recordVersion, State: state, Counts: s.Counts, Roots: s.Roots, UnreachableRoots: s.UnreachableRoots, ElapsedMS: s.Elapsed.Milliseconds(),
	}
	if state == RunFailed {
		r.Error = err.Error()
	}
	return r
}

// RecordSession returns the record of a divided run over one root, as the index stores it.
func RecordSession(counts Counts, state RunState, failure string, root store.RootID, unreachable bool, elapsed time.Duration) (string, error) {
	s := Summary{Counts: counts, Roots: []store.RootID{root}, Elapsed: elapsed}
	if unreachable {
		s.UnreachableRoots = s.Roots
	}
	data, err := json.Marshal(record(s, state, errors.New(failure)))
	return string(data), err
}

// Unreachable returns the roots that the newest complete run over them could not reach. A later run over other roots does not count.
func Unreachable(ctx context.Context, s store.Store) ([]store.Root, error) {
	roots, err := s.Roots(ctx)
	if err != nil {
		return nil, err
	}
	runs, err := s.Runs(ctx, recentRuns)
	if err != nil {
		return nil, err
	}
	reached := make(map[store.RootID]bool)
	for _, run := range runs {
		r := RecordOf(run)
		if r.State != RunComplete {
			continue
		}
		for _, id := range r.Roots {
			if _, known := reached[id]; !known {
				reached[id] = !slices.Contains(r.UnreachableRoots, id)
			}
		}
	}
	return slices.DeleteFunc(roots, func(r store.Root) bool {
		is, known := reached[r.ID]
		return is || !known
	}), nil
}

// recentRuns is how many of the last runs Unreachable reads: enough for every root of a nightly job to have had its turn.
const recentRuns = 100

// stateOf returns how a run with the context ctx ended. A run whose context was cancelled was interrupted.
func stateOf(ctx context.Context, s Summary, err error) RunState {
	switch {
	case err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return RunInterrupted
	case err != nil:
		return RunFailed
	case s.Complete:
		return RunComplete
	case s.Stopped == TimeUp:
		return RunTimeUp
	}
	return RunInterrupted
}

// recorded runs work and records its start and its end in the index, whatever the outcome. An error of the work takes precedence over
// an error of recording it.
func (r *run) recorded(ctx context.Context, begin time.Time, work func() error) error {
	var err error
	if r.runID, err = r.store.StartRun(ctx, r.req.Model.Identity); err != nil {
		return err
	}
	r.req.On.Began(r.runID, r.rootPaths())
	err = work()
	sum := r.summary(begin)
	state := stateOf(ctx, sum, err)
	data, jsonErr := json.Marshal(record(sum, state, err))
	endErr := jsonErr
	if jsonErr == nil {
		endErr = r.store.EndRun(context.WithoutCancel(ctx), store.Run{
			ID: r.runID, Complete: state == RunComplete, Provider: r.provider(), Embedded: sum.Embedded, Summary: string(data),
		})
	}
	if err != nil {
		return err
	}
	return endErr
}

// rootPaths returns the paths of the run's roots.
func (r *run) rootPaths() (paths []string) {
	for _, root := range r.roots {
		paths = append(paths, root.Path)
	}
	slices.Sort(paths)
	return paths
}

func (r *run) provider() string {
	if r.req.Provider == nil {
		return ""
	}
	return r.req.Provider()
}
