package index

import (
	"time"

	"github.com/imgsearch/imgsearch/index/store"
)

// Counts are what a run did with files, as the machine formats have it (docs/json.md).
type Counts struct {
	// Scanned are the files that may be pictures; each is one of the next four or FailedKnown or Failed.
	Scanned   int `json:"scanned"`
	Added     int `json:"added"`
	Updated   int `json:"updated"`
	Moved     int `json:"moved"`
	Unchanged int `json:"unchanged"`
	// Removed are files that left the index, Kept those that are gone from the disk and stay in it.
	Removed int            `json:"removed"`
	Kept    int            `json:"kept"`
	Skipped map[string]int `json:"skipped,omitempty"`
	// Failed files could not be read in this run; FailedKnown were not tried again.
	Failed      int `json:"failed"`
	FailedKnown int `json:"failed_known"`
	// Embedded is the number of vectors that were made, Damaged that of the files among them of which a part is missing.
	Embedded int `json:"embedded"`
	Damaged  int `json:"damaged"`
	// Unreachable is the number of roots and folders that could not be examined.
	Unreachable int `json:"unreachable"`
}

// Summary is what a run did.
type Summary struct {
	Counts

	Complete bool
	// Roots are those that the run settled, UnreachableRoots those of them that could not be examined.
	Roots            []store.RootID
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
	n.Complete, n.Elapsed, n.Stopped = r.complete, time.Since(begin), r.stop.why()
	return n
}
