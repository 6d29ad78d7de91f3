package index

import (
	"context"
	"log/slog"
	"strings"

	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/store"
)

// logRun logs the start of a run, and adds its number to all records until the returned function is called.
func (r *indexing) logRun(run store.RunID, roots []string) (end func()) {
	end = r.p.LogWith("run", int64(run))
	level := slog.LevelDebug // not for people
	if r.p.LogsLines() && !r.p.Quiet {
		level = slog.LevelInfo
	}
	r.p.Log().Log(context.Background(), level, "run started", "roots", strings.Join(roots, ", "))
	return end
}

// countAttrs returns the log attributes with a run's counts and duration.
func countAttrs(sum index.Summary) []any {
	return []any{
		"scanned", sum.Scanned, "added", sum.Added, "updated", sum.Updated, "moved", sum.Moved, "unchanged", sum.Unchanged, "removed", sum.Removed,
		"kept", sum.Kept, "failed", sum.Failed, "embedded", sum.Embedded, "complete", sum.Complete, "elapsed_ms", sum.Elapsed.Milliseconds(),
	}
}
