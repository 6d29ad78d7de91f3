package index

import (
	"maps"
	"sync"
)

// counts is the summary that all stages add to.
type counts struct {
	mu sync.Mutex
	n  Summary
}

func (c *counts) add(change func(*Summary)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.n)
}

func (c *counts) skip(reason string) { c.add(func(n *Summary) { n.Skipped[reason]++ }) }

// get returns what has been counted so far.
func (c *counts) get() Summary {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.n
	n.Skipped = maps.Clone(n.Skipped)
	return n
}
