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

// vectorCache keeps what searches look at, from one search to the next, until the index changes.
type vectorCache struct {
	mu sync.Mutex
	// watch is a connection of its own: data_version compares with what this one saw before.
	watch   *sql.Conn
	version int64
	// changes counts what watch has seen.
	changes   int64
	snapshots map[string]*snapshot // by the model's identity
	sets      map[string]cachedSet // by the filter
}

// snapshot is a model's vectors at one state of the index: those of its mapped file, and those that came since. Several searches may
// use it; the last one that gives it back after it was replaced closes it.
type snapshot struct {
	cache *vectorCache
	model int64
	dim   int
	file  *flat.File // nil: none
	// stamp is that of the file; the zero value without one. generation counts deletions.
	stamp      flat.Stamp
	generation int64
	newest     *flat.Set
	seq        int64 // of the last vector in newest
	embedded   int   // pictures with a file and a vector
	changes    int64 // when it was made
	users      int
	replaced   bool
}

// cachedSet is what a filter selects.
type cachedSet struct {
	set     bitmap
	count   int
	changes int64
}

// maxSets is how many filters' selections are kept: of a million pictures each takes 125 kB.
const maxSets = 16

// look notices changes that other connections and processes have committed. The caller holds mu.
func (c *vectorCache) look(ctx context.Context, s *Store) error {
	if c.watch == nil {
		if s.memory {
			c.changes++ // it has one connection, which sees no change of its own
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
		s.forgetRoots() // another process may have given the number of a root that is gone to another
		s.forgetDisks()
	}
	return nil
}

// close gives back what no search uses any more.
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

// replace takes a snapshot out of the cache. The caller holds mu.
func (s *snapshot) replace() error {
	s.replaced = true
	if s.users > 0 || s.file == nil {
		return nil
	}
	return s.file.Close()
}

// release gives a snapshot back after a search.
func (s *snapshot) release() {
	s.cache.mu.Lock()
	defer s.cache.mu.Unlock()
	s.users--
	if s.users == 0 && s.replaced && s.file != nil {
		_ = s.file.Close() // it was only read
	}
}

// acquire returns a model's vectors as they are now; release gives them back. Nil: the index has no such model.
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

// readSnapshot reads a model's vectors, going on from an earlier snapshot where the index has only grown.
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
	ok = ok && !s.onNetwork()
	if old != nil && old.users == 0 && old.model == n.model && old.generation == n.generation && (!ok && old.file == nil || ok && old.file != nil && old.stamp == stamp) {
		old.embedded = n.embedded
		return old, s.readNewest(ctx, old)
	}
	n.newest = flat.NewSet(n.dim)
	if ok {
		n.file, err = flat.Open(s.flatPath(identity), n.dim, stamp)
		if err == nil { // else the index has all of it
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

// readNewest adds the vectors that came after those of a snapshot, which nobody uses meanwhile.
func (s *Store) readNewest(ctx context.Context, n *snapshot) error {
	return s.vectorsAfter(ctx, n.model, n.seq, func(seq, row int64, vector []byte) error {
		if err := n.newest.Add(row, vector); err != nil {
			return fmt.Errorf("%w: %w", store.ErrDamaged, err)
		}
		n.seq = seq
		return nil
	})
}

// set returns what a filter selects, and how many pictures those are; nil: all.
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
	if set == nil { // nothing, and not all
		set = bitmap{}
	}
	count = set.count()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sets == nil {
		c.sets = make(map[string]cachedSet)
	}
	const longKey = 4 << 10 // a list of files is not asked about again
	if len(key) < longKey {
		c.dropOldSet()
		c.sets[key] = cachedSet{set, count, changes}
	}
	return set, count, nil
}

// dropOldSet makes room for a selection: those of an earlier state go, and one of this state where they are too many.
func (c *vectorCache) dropOldSet() {
	for key, s := range c.sets {
		if s.changes != c.changes || len(c.sets) >= maxSets {
			delete(c.sets, key)
		}
	}
}

// Prepare opens a model's vectors and finds out what a filter selects.
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
