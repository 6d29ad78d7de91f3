package sqlite

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/imgsearch/imgsearch/index/store"
)

// answerCache keeps what was found nearest to queries, until the index changes: for a process that is asked the same again, over a million vectors a scan
// takes most of the time.
type answerCache struct {
	once sync.Once
	list *lru.Cache[[sha256.Size]byte, keptAnswer]
}

type keptAnswer struct {
	nearest store.Nearest
	changes int64 // vectorCache.changes when it was found
}

const (
	// maxAnswers is the number of answers that are kept, and maxKept that of the hits of one.
	maxAnswers = 128
	maxKept    = 1000
)

func (c *answerCache) cache() *lru.Cache[[sha256.Size]byte, keptAnswer] {
	c.once.Do(func() {
		c.list, _ = lru.New[[sha256.Size]byte, keptAnswer](maxAnswers) // fails only for a size below 1
	})
	return c.list
}

func (c *answerCache) get(key [sha256.Size]byte, changes int64) (store.Nearest, bool) {
	known, ok := c.cache().Get(key)
	if !ok || known.changes != changes {
		return store.Nearest{}, false
	}
	n := known.nearest
	n.Hits = slices.Clone(n.Hits) // the caller's own
	return n, true
}

func (c *answerCache) put(key [sha256.Size]byte, changes int64, n store.Nearest) {
	n.Hits = slices.Clone(n.Hits)
	c.cache().Add(key, keptAnswer{n, changes})
}

// answerKey returns the key of a query; ok is false for one whose answer is not kept.
func answerKey(q store.NearestQuery) (key [sha256.Size]byte, ok bool) {
	if q.OneShot || q.Limit > maxKept {
		return key, false
	}
	filter := q.Filter.String()
	data := make([]byte, 0, len(q.Model)+len(filter)+4*len(q.Vector)+len(q.Also)*len(store.PictureID{})+32)
	data = append(binary.LittleEndian.AppendUint64(data, uint64(len(q.Model))), q.Model...)
	data = append(binary.LittleEndian.AppendUint64(data, uint64(len(filter))), filter...)
	data = binary.LittleEndian.AppendUint64(data, uint64(q.Limit)) //nolint:gosec // not negative
	for _, x := range q.Vector {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
	}
	for _, id := range q.Also {
		data = append(data, id[:]...)
	}
	return sha256.Sum256(data), true
}
