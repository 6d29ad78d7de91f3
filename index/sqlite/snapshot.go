package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"github.com/imgsearch/imgsearch/index/flat"
	"github.com/imgsearch/imgsearch/index/store"
)

// vectorCache keeps the data that searches use, from one search to the next, until the index changes.
type vectorCache struct {
	mu sync.Mutex
	// watch is a dedicated connection, since data_version changes relative to what the same connection has seen before.
	watch   *sql.Conn
	version int64
	// changes counts the changes that watch has seen.
	changes int64
	// order is the order of all pictures by date, if it was needed; ordering is held while it is read.
	ordering  sync.Mutex
	order     *dateOrder
	snapshots map[string]*snapshot // by the model's identity
	sets      map[string]cachedSet // by the filter
	dropped   map[string]bool      // models whose vector files are damaged
	answers   answerCache
}

// snapshot is a model's vectors at one state of the index: those in its mapped file, and those added since.
// Several searches may use it. After it has been replaced, the last search to release it closes it.
type snapshot struct {
	cache *vectorCache
	model int64
	dim   int
	file  *flat.File // nil: none
	// stamp is the stamp of the file, or the zero value without a file. generation counts deletions.
	stamp      flat.Stamp
	generation int64
	newest     *flat.Set
	seq        int64 // of the last vector in newest
	unfit      bool  // vectors whose length is wrong in the index were left out
	embedded   int   // pictures with a file and a vector
	changes    int64 // vectorCache.changes when it was read
	users      int
	replaced   bool
}

// cachedSet is the set of pictures that match a filter.
type cachedSet struct {
	set     bitmap
	count   int
	changes int64
}

// maxSets is the number of cached sets: for a million pictures, each takes 125 kB.
const maxSets = 16

// look checks for changes committed by other connections and processes. The caller holds mu.
func (c *vectorCache) look(ctx context.Context, s *Store) error {
	if c.watch == nil {
		if s.memory {
			c.changes++ // data_version does not show changes made by the only connection itself
			return nil
		}
		conn, err := s.db.Conn(ctx)
		if err != nil {
			return explain(err)
		}
		c.watch = conn
	}
	var v int64
	if err := c.watch.QueryRowContext(ctx, "PRAGMA data_version").Scan(&v); err != nil {
		return explain(err)
	}
	if v != c.version || c.changes == 0 {
		c.version = v
		c.changes++
		s.forgetRoots() // another process may have reused the row id of a deleted root
		s.forgetDisks()
	}
	return nil
}

// close closes the snapshots that are not in use, and the connection.
func (c *vectorCache) close() (err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.snapshots {
		err = errors.Join(err, s.replace())
	}
	c.snapshots, c.sets = nil, nil
	if c.watch != nil {
		err = errors.Join(err, c.watch.Close())
		c.watch = nil
	}
	return err
}

// replace marks a snapshot as replaced and closes it if it is not in use. The caller holds mu.
func (s *snapshot) replace() error {
	s.replaced = true
	if s.users > 0 || s.file == nil {
		return nil
	}
	return s.file.Close()
}

// release ends the use of a snapshot by a search.
func (s *snapshot) release() {
	s.cache.mu.Lock()
	defer s.cache.mu.Unlock()
	s.users--
	if s.users == 0 && s.replaced && s.file != nil {
		_ = s.file.Close() // it was only read
	}
}

// acquire returns a model's current vectors, or nil if the index has no such model. The caller must call release.
func (s *Store) acquire(ctx context.Context, identity string) (*snapshot, error) {
	c := &s.vectors
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.look(ctx, s); err != nil {
		return nil, err
	}
	old := c.snapshots[identity]
	if old != nil && old.changes == c.changes {
		old.users++
		return old, nil
	}
	fresh, err := s.readSnapshot(ctx, identity, old)
	if err != nil {
		return nil, fmt.Errorf("read vectors: %w", err)
	}
	if old != nil && (fresh == nil || fresh.file != old.file) {
		if err := old.replace(); err != nil {
			return nil, err
		}
	}
	delete(c.snapshots, identity)
	if fresh == nil {
		return nil, nil //nolint:nilnil // no model, no error
	}
	if fresh != old {
		fresh.cache = c
	}
	fresh.changes = c.changes
	fresh.users++
	if c.snapshots == nil {
		c.snapshots = make(map[string]*snapshot)
	}
	c.snapshots[identity] = fresh
	return fresh, nil
}

// readSnapshot reads a model's vectors. If vectors have only been added, it extends the earlier snapshot.
func (s *Store) readSnapshot(ctx context.Context, identity string, old *snapshot) (*snapshot, error) {
	n := &snapshot{}
	err := s.read.QueryRowContext(ctx, `SELECT m.id, m.dim, c.embedded, coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'generation'), 0)
		FROM models m JOIN coverage c ON c.model_id = m.id WHERE m.identity = ?`, identity).Scan(&n.model, &n.dim, &n.embedded, &n.generation)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil //nolint:nilnil // as acquire
	}
	if err != nil {
		return nil, explain(err)
	}
	stamp, ok, err := s.flatFile(ctx, n.model)
	if err != nil {
		return nil, err
	}
	ok = ok && !s.onNetwork() && !s.vectors.dropped[identity]
	if old != nil && old.users == 0 && old.model == n.model && old.generation == n.generation && (!ok && old.file == nil || ok && old.file != nil && old.stamp == stamp) {
		old.embedded = n.embedded
		return old, s.readNewest(ctx, old)
	}
	n.newest = flat.NewSet(n.dim)
	if ok {
		n.file, err = flat.Open(s.flatPath(identity), n.dim, stamp)
		if err == nil { // otherwise all vectors are read from the index
			n.stamp, n.seq = stamp, stamp.Seq
		}
	}
	if err := s.readNewest(ctx, n); err != nil {
		if n.file != nil {
			err = errors.Join(err, n.file.Close())
		}
		return nil, err
	}
	return n, nil
}

// readNewest adds the vectors that are newer than those of a snapshot. No search may be using the snapshot.
func (s *Store) readNewest(ctx context.Context, n *snapshot) error {
	return s.vectorsAfter(ctx, n.model, n.seq, func(seq, row int64, vector []byte) error {
		n.seq = seq
		if len(vector) != 2*n.dim {
			n.unfit = true
			return nil
		}
		return n.newest.Add(row, vector)
	})
}

// set returns the pictures that match a filter, and their number; a nil set means all pictures.
func (s *Store) set(ctx context.Context, f store.Filter) (set bitmap, count int, err error) {
	if f.IsAll() {
		return nil, 0, nil
	}
	key := f.String()
	c := &s.vectors
	c.mu.Lock()
	err = c.look(ctx, s)
	changes := c.changes
	known, ok := c.sets[key]
	c.mu.Unlock()
	if err != nil {
		return nil, 0, err
	}
	if ok && known.changes == changes {
		return known.set, known.count, nil
	}
	if set, err = s.selected(ctx, f); err != nil {
		return nil, 0, err
	}
	if set == nil { // no pictures; nil would mean all
		set = bitmap{}
	}
	count = set.count()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sets == nil {
		c.sets = make(map[string]cachedSet)
	}
	const longKey = 4 << 10 // a filter with a list of files is not used again
	if len(key) < longKey {
		c.dropOldSet()
		c.sets[key] = cachedSet{set, count, changes}
	}
	return set, count, nil
}

// dropOldSet makes room for a new set: it drops sets of earlier states, and one of the current state if there are too many.
func (c *vectorCache) dropOldSet() {
	for key, s := range c.sets {
		if s.changes != c.changes || len(c.sets) >= maxSets {
			delete(c.sets, key)
		}
	}
}

// Prepare loads a model's vectors and the set of pictures that match a filter.
func (s *Store) Prepare(ctx context.Context, model string, f store.Filter) error {
	snap, err := s.acquire(ctx, model)
	if err != nil {
		return err
	}
	if snap != nil {
		snap.release()
	}
	_, _, err = s.set(ctx, f)
	return err
}
