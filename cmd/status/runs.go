package status

import (
	"fmt"
	"strings"

	"github.com/imgsearch/imgsearch/internal/wire"
)

// lastCounts returns the counts of the last run, or nil if it has not ended.
func lastCounts(s wire.Status) *wire.RunCounts {
	if s.LastRun == nil || s.LastRun.EndedAt == nil || len(s.Runs) == 0 {
		return nil
	}
	return s.Runs[0].Counts
}

// counted returns the counts of a run as text, without those that are 0.
func counted(c *wire.RunCounts) string {
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
