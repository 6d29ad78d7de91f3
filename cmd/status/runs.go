package status

import (
	"context"
	"fmt"
	"strings"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/words"
)

// shownRuns is the number of runs to list.
const shownRuns = 10

// endedRun is a run that has ended.
type endedRun struct {
	StartedAt string `json:"started_at"`
	EndedAt   string `json:"ended_at"`
	State     string `json:"state"`
	// Error is why a failed run failed.
	Error    string `json:"error,omitempty"`
	Provider string `json:"provider"`
	Embedded int    `json:"embedded"`
	// Counts is nil for a run of a version that did not store them.
	Counts *runCounts `json:"counts,omitempty"`
}

// runCounts are the counts of a run, and its duration.
type runCounts struct {
	index.Counts

	ElapsedMS int64 `json:"elapsed_ms"`
}

// addRuns adds the last runs, and the roots that could not be reached.
func (s *Status) addRuns(ctx context.Context, ix store.Store) error {
	list, err := ix.Runs(ctx, shownRuns)
	if err != nil {
		return err
	}
	s.Runs, s.UnreachableRoots = []endedRun{}, []string{}
	for _, run := range list {
		s.Runs = append(s.Runs, newEndedRun(run))
	}
	away, err := index.Unreachable(ctx, ix)
	for _, r := range away {
		s.UnreachableRoots = append(s.UnreachableRoots, r.Path)
	}
	return err
}

func newEndedRun(run store.Run) endedRun {
	r := index.RecordOf(run)
	e := endedRun{StartedAt: cli.Stamp(run.StartedAt), EndedAt: cli.Stamp(run.EndedAt), State: string(r.State), Error: words.OneLine(r.Error), Provider: run.Provider, Embedded: run.Embedded}
	if r.Version > 0 {
		e.Counts = &runCounts{r.Counts, r.ElapsedMS}
	}
	return e
}

// lastCounts returns the counts of the last run, or nil if it has not ended.
func (s *Status) lastCounts() *runCounts {
	if s.LastRun == nil || s.LastRun.EndedAt == nil || len(s.Runs) == 0 {
		return nil
	}
	return s.Runs[0].Counts
}

// counted returns the counts of a run as text, without those that are 0.
func counted(c *runCounts) string {
	if c == nil {
		return ""
	}
	var parts []string
	for _, n := range []struct {
		count int
		what  string
	}{{c.Added, "added"}, {c.Updated, "updated"}, {c.Moved, "moved"}, {c.Unchanged, "unchanged"}, {c.Removed, "removed"}, {c.Kept, "kept"}, {c.Failed, "failed"}} {
		if n.count > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n.count, n.what))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}
