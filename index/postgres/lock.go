package postgres

import (
	"context"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/imgsearch/imgsearch/index/store"
)

// Advisory locks have two numbers: a class and what is locked.
const (
	lockClass   = 0x696d6773 // "imgs"
	rootClass   = 0x696d6772 // with the row id of a root
	hostClass   = 0x696d6768 // with the hash of a machine's name
	writeLock   = 1          // held by the transaction that writes
	indexLock   = 2          // shared by those that lock roots
	migrateLock = 3
	buildLock   = 4
	labelLock   = 5
)

// lock is a session that holds advisory locks. The server releases them when the session ends, even if the process or its machine dies.
type lock struct {
	s    *Store
	mu   sync.Mutex
	conn *pgx.Conn
}

// Lock locks roots, or the whole index. Transactions fail if the lock has been lost, because the server ended the session.
func (s *Store) Lock(ctx context.Context, roots ...store.RootID) (store.Lock, error) {
	return s.lock(ctx, func(l *lock) error { return l.takeRoots(ctx, roots) })
}

// LockHost locks this machine against other processes that index.
func (s *Store) LockHost(ctx context.Context) (store.Lock, error) {
	return s.lock(ctx, func(l *lock) error {
		if err := l.try(ctx, "SELECT pg_try_advisory_lock_shared($1, $2)", lockClass, indexLock); err != nil {
			return err
		}
		return l.try(ctx, "SELECT pg_try_advisory_lock($1, hashtext($2))", hostClass, s.host)
	})
}

// lock opens a session and takes locks in it.
func (s *Store) lock(ctx context.Context, take func(*lock) error) (store.Lock, error) {
	l := &lock{s: s}
	err := l.open(ctx)
	if err == nil {
		err = take(l)
	}
	if err != nil {
		_ = l.Unlock()
		return nil, fmt.Errorf("lock index %q: %w", s.location, explain(err))
	}
	s.locks.Store(l, true)
	return l, nil
}

func (l *lock) open(ctx context.Context) (err error) {
	if l.conn, err = pgx.ConnectConfig(ctx, l.s.db.Config().ConnConfig); err != nil {
		return err
	}
	return prepare(ctx, l.conn)
}

func (l *lock) takeRoots(ctx context.Context, roots []store.RootID) error {
	if len(roots) == 0 {
		return l.try(ctx, "SELECT pg_try_advisory_lock($1, $2)", lockClass, indexLock)
	}
	if err := l.try(ctx, "SELECT pg_try_advisory_lock_shared($1, $2)", lockClass, indexLock); err != nil {
		return err
	}
	for _, r := range roots {
		id, ok, err := value[int32](ctx, l.conn, "SELECT id FROM roots WHERE uid = $1", string(r))
		if err == nil && !ok {
			err = fmt.Errorf("root %q is %w", r, store.ErrNoRoot)
		}
		if err == nil {
			err = l.try(ctx, "SELECT pg_try_advisory_lock($1, $2)", rootClass, id)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// try takes a lock; if another session has it, the error is ErrBusy.
func (l *lock) try(ctx context.Context, query string, class int, number any) error {
	ok, _, err := value[bool](ctx, l.conn, query, class, number)
	if err == nil && !ok {
		err = store.ErrBusy
	}
	return err
}

// check returns an error if the session has ended.
func (l *lock) check(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == nil {
		return nil
	}
	if err := l.conn.Ping(ctx); err != nil {
		return fmt.Errorf("%w: the lock of the index was lost", store.ErrServer)
	}
	return nil
}

// Unlock ends the session.
func (l *lock) Unlock() error {
	l.s.locks.Delete(l)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == nil {
		return nil
	}
	conn := l.conn
	l.conn = nil
	ctx, cancel := context.WithTimeout(context.Background(), connectTime)
	defer cancel()
	// The server would notice a moment after the connection is closed, and until then the next lock would be refused.
	_, _ = conn.Exec(ctx, "SELECT pg_advisory_unlock_all()")
	return conn.Close(ctx)
}

// checkLocks returns an error if a lock of this store has been lost.
func (s *Store) checkLocks(ctx context.Context) (err error) {
	s.locks.Range(func(l, _ any) bool {
		if held, ok := l.(*lock); ok {
			err = held.check(ctx)
		}
		return err == nil
	})
	return err
}

// IsLocked reports whether a process holds a lock of the index or of one of its roots.
func (s *Store) IsLocked(ctx context.Context) (bool, error) {
	locked, _, err := value[bool](ctx, s.db, `SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
		AND (classid = $1 AND objid = $2 OR classid = $3 OR classid = $4) AND objsubid = 2)`, lockClass, indexLock, rootClass, hostClass)
	return locked, err
}
