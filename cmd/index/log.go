package index

import (
	"context"
	"log/slog"
	"strings"

	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/store"
)

// logRun logs that a run has begun, and its number with all that is logged until the function that it returns is called.
func (r *indexing) logRun(run store.RunID, roots []string) (end func()) {
	end = r.p.LogWith("run", int64(run))
	level := slog.LevelDebug // for people it goes without saying
	if r.p.LogsLines() && !r.p.Quiet {
		level = slog.LevelInfo
	}
	r.p.Log().Log(context.Background(), level, "run begun", "roots", strings.Join(roots, ", "))
	return end
}

// countAttrs are a run's counts and how long it took, for a log.
func countAttrs(sum index.Summary) []any {
	return []any{
		"scanned", sum.Scanned, "added", sum.Added, "updated", sum.Updated, "moved", sum.Moved, "unchanged", sum.Unchanged, "removed", sum.Removed,
		"kept", sum.Kept, "failed", sum.Failed, "embedded", sum.Embedded, "complete", sum.Complete, "elapsed_ms", sum.Elapsed.Milliseconds(),
	}
}
