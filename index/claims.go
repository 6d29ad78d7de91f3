package index

import (
	"sync"

	"github.com/imgsearch/imgsearch/index/store"
)

// claims are the pictures that workers are processing, so that copies are decoded and embedded only once.
type claims struct {
	mu   sync.Mutex
	byID map[store.PictureID]*claim
}

// claim is a picture that a worker is processing. done is closed when decoding has ended; err is then why it failed, if it did.
type claim struct {
	done chan struct{}
	once sync.Once
	err  error
}

// finish sets the result of decoding the picture; only the first call counts.
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

// release ends a claim: the index has the picture now, or will not get it.
func (c *claims) release(id store.PictureID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.byID, id)
}
