package status

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/words"
)

// shownRuns is how many runs are told of.
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
	// Counts are nil of a run of a version that did not keep them.
	Counts *runCounts `json:"counts,omitempty"`
}

// runCounts are what a run did, and how long it took.
type runCounts struct {
	index.Counts

	ElapsedMS int64 `json:"elapsed_ms"`
}

// addRuns tells of the last runs, and which roots the last complete one could not reach.
func (s *Status) addRuns(ctx context.Context, ix store.Store, roots []store.Root) error {
	list, err := ix.Runs(ctx, shownRuns+1) // the newest may still run
	if err != nil {
		return err
	}
	s.Runs, s.UnreachableRoots = []endedRun{}, []string{}
	for _, run := range list {
		if !run.EndedAt.IsZero() && len(s.Runs) < shownRuns {
			s.Runs = append(s.Runs, newEndedRun(run))
		}
	}
	last, ok, err := ix.LastRun(ctx, true)
	if err != nil || !ok {
		return err
	}
	away := index.RecordOf(last).UnreachableRoots
	for _, r := range roots {
		if slices.Contains(away, r.ID) {
			s.UnreachableRoots = append(s.UnreachableRoots, r.Path)
		}
	}
	return nil
}

func newEndedRun(run store.Run) endedRun {
	r := index.RecordOf(run)
	e := endedRun{StartedAt: cli.Stamp(run.StartedAt), EndedAt: cli.Stamp(run.EndedAt), State: string(r.State), Error: words.OneLine(r.Error), Provider: run.Provider, Embedded: run.Embedded}
	if r.Version > 0 {
		e.Counts = &runCounts{r.Counts, r.ElapsedMS}
	}
	return e
}

// lastCounts are those of the last run, if it has ended.
func (s *Status) lastCounts() *runCounts {
	if s.LastRun == nil || s.LastRun.EndedAt == nil || len(s.Runs) == 0 {
		return nil
	}
	return s.Runs[0].Counts
}

// counted says what a run did with files, but for what there was none of.
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
