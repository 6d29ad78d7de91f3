package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/imgsearch/imgsearch/index/store"
)

// Advisory locks have two numbers: a class and what is locked.
const (
	lockClass   = 0x696d6773 // "imgs"
	rootClass   = 0x696d6772 // with the row id of a root
	writeLock   = 1          // held by the transaction that writes
	indexLock   = 2          // shared by those that lock roots
	migrateLock = 3
	buildLock   = 4
)

// lock is a session that holds advisory locks. The server releases them when the session ends, even if the process or its machine dies.
type lock struct{ conn *pgx.Conn }

// Lock locks roots, or the whole index.
func (s *Store) Lock(ctx context.Context, roots ...store.RootID) (store.Lock, error) {
	l, err := s.lock(ctx, roots)
	if err != nil {
		return nil, fmt.Errorf("lock index %q: %w", s.location, explain(err))
	}
	return l, nil
}

func (s *Store) lock(ctx context.Context, roots []store.RootID) (l *lock, err error) {
	conn, err := pgx.ConnectConfig(ctx, s.db.Config().ConnConfig)
	if err != nil {
		return nil, err
	}
	if err := prepare(ctx, conn); err != nil {
		_ = conn.Close(ctx)
		return nil, err
	}
	l = &lock{conn}
	defer func() {
		if err != nil {
			_ = l.Unlock()
		}
	}()
	if len(roots) == 0 {
		return l, l.try(ctx, "SELECT pg_try_advisory_lock($1, $2)", lockClass, indexLock)
	}
	if err := l.try(ctx, "SELECT pg_try_advisory_lock_shared($1, $2)", lockClass, indexLock); err != nil {
		return nil, err
	}
	for _, r := range roots {
		id, ok, err := value[int32](ctx, conn, "SELECT id FROM roots WHERE uid = $1", string(r))
		if err == nil && !ok {
			err = fmt.Errorf("root %q is %w", r, store.ErrNoRoot)
		}
		if err == nil {
			err = l.try(ctx, "SELECT pg_try_advisory_lock($1, $2)", rootClass, id)
		}
		if err != nil {
			return nil, err
		}
	}
	return l, nil
}

// try takes a lock; if another session has it, the error is ErrBusy.
func (l *lock) try(ctx context.Context, query string, class int, number any) error {
	ok, _, err := value[bool](ctx, l.conn, query, class, number)
	if err == nil && !ok {
		err = store.ErrBusy
	}
	return err
}

// Unlock ends the session.
func (l *lock) Unlock() error { return l.conn.Close(context.Background()) }

// IsLocked reports whether a process holds a lock of the index or of one of its roots.
func (s *Store) IsLocked(ctx context.Context) (bool, error) {
	locked, _, err := value[bool](ctx, s.db, `SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
		AND (classid = $1 AND objid = $2 OR classid = $3) AND objsubid = 2)`, lockClass, indexLock, rootClass)
	return locked, err
}
