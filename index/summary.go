package index

import (
	"maps"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
)

// Counts are what a run did with files, as the machine formats show it (docs/json.md).
type Counts struct {
	// Scanned counts the files that may be pictures; each is also counted in one of the next four, FailedKnown or Failed.
	Scanned   int `json:"scanned"`
	Added     int `json:"added"`
	Updated   int `json:"updated"`
	Moved     int `json:"moved"`
	Unchanged int `json:"unchanged"`
	// Removed counts the files dropped from the index, Kept those that are gone from the disk but stay in the index.
	Removed int            `json:"removed"`
	Kept    int            `json:"kept"`
	Skipped map[string]int `json:"skipped,omitempty"`
	// Failed counts the files that could not be read in this run, FailedKnown those that failed before and were not tried again.
	Failed      int `json:"failed"`
	FailedKnown int `json:"failed_known"`
	// Embedded is the number of new vectors, Damaged the number of those that were made from a partly unreadable file.
	Embedded int `json:"embedded"`
	Damaged  int `json:"damaged"`
	// TextsRead is the number of pictures whose text was read, WithText the number of those that have text, and TextsLeft the number of pictures
	// in the index whose text has not been read.
	TextsRead int `json:"texts_read,omitempty"`
	WithText  int `json:"with_text,omitempty"`
	TextsLeft int `json:"texts_left,omitempty"`
	// Unreachable is the number of roots and folders that could not be examined.
	Unreachable int `json:"unreachable"`
}

// fields returns the numbers, but not those in Skipped.
func (c *Counts) fields() []*int {
	return []*int{
		&c.Scanned, &c.Added, &c.Updated, &c.Moved, &c.Unchanged, &c.Removed, &c.Kept, &c.Failed, &c.FailedKnown, &c.Embedded, &c.Damaged,
		&c.TextsRead, &c.WithText, &c.TextsLeft, &c.Unreachable,
	}
}

// Plus returns the sum of two counts.
func (c Counts) Plus(o Counts) Counts { return c.with(o, 1) }

// Minus returns the difference of two counts.
func (c Counts) Minus(o Counts) Counts { return c.with(o, -1) }

func (c Counts) with(o Counts, sign int) Counts {
	others := o.fields()
	for i, n := range c.fields() {
		*n += sign * *others[i]
	}
	skipped := maps.Clone(c.Skipped)
	if skipped == nil {
		skipped = make(map[string]int)
	}
	for reason, n := range o.Skipped {
		if skipped[reason] += sign * n; skipped[reason] == 0 {
			delete(skipped, reason)
		}
	}
	c.Skipped = skipped
	return c
}

// Summary is what a run did.
type Summary struct {
	Counts

	Complete bool
	// Roots are the roots that the run settled, UnreachableRoots those of them that could not be examined.
	Roots            []store.RootID
	UnreachableRoots []store.RootID
	Elapsed          time.Duration
	// Stopped is why an incomplete run ended.
	Stopped StopReason
	// Pending and Estimate are set by a dry run: the number of files that would be read, and how long that would take.
	Pending  int
	Estimate time.Duration
	// TextsPending and TextEstimate are the same for texts: the pictures that have none yet, including those that would be read.
	TextsPending int
	TextEstimate time.Duration
	// TextElapsed is the part of Elapsed in which only texts were read.
	TextElapsed time.Duration
	// Gone is set by a dry run: the number of indexed files that were not found or that a rule now excludes.
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
