package index

import (
	"maps"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
)

// Summary is what a run did. The counts of files are those of the machine format (docs/json.md).
type Summary struct {
	Complete bool
	// Scanned are the files that may be pictures; each is one of the next six or FailedKnown or Failed.
	Scanned, Added, Updated, Moved, Unchanged int
	// Removed are files that left the index, Kept those that are gone from the disk and stay in it.
	Removed, Kept int
	Skipped       map[string]int
	// Failed files could not be read in this run; FailedKnown were not tried again.
	Failed, FailedKnown int
	// Embedded is the number of vectors that were made, Damaged that of the files among them of which a part is missing.
	Embedded, Damaged int
	// Unreachable is the number of roots and folders that could not be examined.
	Unreachable int
	// UnreachableRoots are the roots among them.
	UnreachableRoots []store.RootID
	Elapsed          time.Duration
	// Stopped tells why an incomplete run ended.
	Stopped StopReason
	// Pending and Estimate are a dry run's: files that would be read, and how long that would take.
	Pending  int
	Estimate time.Duration
	// Gone is a dry run's: files of the index that were not found, or that a rule leaves out now.
	Gone int
}

// StopReason is why a run ended early.
type StopReason int

// The reasons.
const (
	NotStopped  StopReason = iota
	Interrupted            // the stop channel was closed
	TimeUp                 // Request.For has passed
)

func (r *run) summary(begin time.Time) Summary {
	n := r.counts.get()
	r.counts.mu.Lock()
	skipped := maps.Clone(r.counts.skipped)
	r.counts.mu.Unlock()
	return Summary{
		Complete: r.complete, Scanned: n.scanned, Added: n.added, Updated: n.updated, Moved: n.moved, Unchanged: n.unchanged,
		Removed: n.removed, Kept: n.kept, Unreachable: n.unreachable, UnreachableRoots: n.unreachableRoots, Skipped: skipped, Failed: n.failed, FailedKnown: n.failedKnown,
		Embedded: n.embedded, Damaged: n.damaged, Elapsed: time.Since(begin), Stopped: r.stop.why(), Pending: n.pending, Estimate: n.estimate, Gone: n.gone,
	}
}
