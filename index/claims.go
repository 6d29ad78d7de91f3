package index

import (
	"sync"

	"github.com/imgsearch/imgsearch/index/store"
)

// claims are the pictures that some worker has in its hands, so that copies are decoded and embedded once.
type claims struct {
	mu   sync.Mutex
	byID map[store.PictureID]*claim
}

// claim is one picture in a worker's hands. done is closed when it is decoded; err, then, says that it cannot be.
type claim struct {
	done chan struct{}
	once sync.Once
	err  error
}

// finish says what the picture turned out to be; the first word counts.
func (c *claim) finish(err error) {
	c.once.Do(func() {
		c.err = err
		close(c.done)
	})
}

// take returns a new claim, or the one that another worker holds.
func (c *claims) take(id store.PictureID) (mine bool, held *claim) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if held, ok := c.byID[id]; ok {
		return false, held
	}
	if c.byID == nil {
		c.byID = make(map[store.PictureID]*claim)
	}
	held = &claim{done: make(chan struct{})}
	c.byID[id] = held
	return true, held
}

// release ends a claim: the index knows the picture now, or never will.
func (c *claims) release(id store.PictureID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.byID, id)
}
