package index

import (
	"maps"
	"sync"
	"time"
)

// tally are the numbers of a run.
type tally struct {
	scanned, added, updated, moved, unchanged int
	removed, kept, unreachable                int
	failed, failedKnown, embedded, damaged    int
	pending, gone                             int
	estimate                                  time.Duration
}

// counts is a tally that all stages add to.
type counts struct {
	mu      sync.Mutex
	n       tally
	skipped map[string]int
}

func (c *counts) add(change func(*tally)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.n)
}

func (c *counts) skip(reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.skipped[reason]++
}

func (c *counts) get() tally {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

func (r *run) summary(begin time.Time) Summary {
	n := r.counts.get()
	r.counts.mu.Lock()
	skipped := maps.Clone(r.counts.skipped)
	r.counts.mu.Unlock()
	return Summary{
		Complete: r.complete, Scanned: n.scanned, Added: n.added, Updated: n.updated, Moved: n.moved, Unchanged: n.unchanged,
		Removed: n.removed, Kept: n.kept, Unreachable: n.unreachable, Skipped: skipped, Failed: n.failed, FailedKnown: n.failedKnown,
		Embedded: n.embedded, Damaged: n.damaged, Elapsed: time.Since(begin), Stopped: r.stopReason.get(), Pending: n.pending, Estimate: n.estimate, Gone: n.gone,
	}
}
