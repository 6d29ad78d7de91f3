package sqlite

import (
	"context"
	"sync"

	"github.com/imgsearch/imgsearch/index/store"
)

// rootNames caches the names of roots by row id.
type rootNames struct {
	mu   sync.Mutex
	byID map[int64]store.RootID
}

// rootName returns the name of a root.
func (s *Store) rootName(ctx context.Context, q querier, id int64) (store.RootID, error) {
	s.roots.mu.Lock()
	name, ok := s.roots.byID[id]
	s.roots.mu.Unlock()
	if ok {
		return name, nil
	}
	// Do not hold the lock here: with an in-memory index, the goroutine that holds the only connection may be waiting for it.
	if err := q.QueryRowContext(ctx, "SELECT uid FROM roots WHERE id = ?", id).Scan(&name); err != nil {
		return "", explain(err)
	}
	s.roots.mu.Lock()
	defer s.roots.mu.Unlock()
	if s.roots.byID == nil {
		s.roots.byID = make(map[int64]store.RootID)
	}
	s.roots.byID[id] = name
	return name, nil
}

// noticeChanges forgets what other connections and processes may have changed. Whoever reads the names of roots calls it first: the row id of a root that was
// removed may belong to another one now.
func (s *Store) noticeChanges(ctx context.Context) error {
	c := &s.vectors
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.look(ctx, s)
}

// forgetRoots clears the cache, since the row id of a deleted root may have been reused.
func (s *Store) forgetRoots() {
	s.roots.mu.Lock()
	defer s.roots.mu.Unlock()
	s.roots.byID = nil
}

// diskNumbers caches the device numbers of disks by row id.
type diskNumbers struct {
	mu   sync.Mutex
	byID map[int64]uint64
}

// device returns the device number of a disk on this machine.
func (s *Store) device(ctx context.Context, q querier, diskID int64) (uint64, error) {
	s.disks.mu.Lock()
	known, ok := s.disks.byID[diskID]
	s.disks.mu.Unlock()
	if ok {
		return known, nil
	}
	var device deviceID
	if err := q.QueryRowContext(ctx, "SELECT device FROM disks WHERE id = ?", diskID).Scan(&device); err != nil {
		return 0, explain(err)
	}
	s.disks.mu.Lock()
	defer s.disks.mu.Unlock()
	if s.disks.byID == nil {
		s.disks.byID = make(map[int64]uint64)
	}
	s.disks.byID[diskID] = uint64(device)
	return uint64(device), nil
}

// forgetDisks clears the cache, since transactions may change device numbers.
func (s *Store) forgetDisks() {
	s.disks.mu.Lock()
	defer s.disks.mu.Unlock()
	s.disks.byID = nil
}
