package index

import (
	"sync"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
)

// tally are the numbers of a run.
type tally struct {
	scanned, added, updated, moved, unchanged int
	removed, kept, unreachable                int
	failed, failedKnown, embedded, damaged    int
	pending, gone                             int
	estimate                                  time.Duration
	unreachableRoots                          []store.RootID
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
