package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/imgsearch/imgsearch/index/store"
)

// What package jobqueue needs to keep its tables beside the index.

// Pool returns the connections of the store.
func (s *Store) Pool() *pgxpool.Pool { return s.db }

// Explain returns an error of the database as an error of package store.
func Explain(err error) error { return explain(err) }

// Transaction returns the transaction in the database of a write transaction of this package, with everything that it has put.
func Transaction(ctx context.Context, t store.Tx) (pgx.Tx, error) {
	own, ok := t.(*tx)
	if !ok {
		return nil, fmt.Errorf("not a transaction of PostgreSQL: %T", t)
	}
	if err := own.flush(ctx); err != nil {
		return nil, err
	}
	return own.tx, nil
}

// WorkerClass is the first number of the advisory lock that a worker holds; the second is its id.
const WorkerClass = 0x696d6777 // "imgw"

// Session is a session of the server that lasts until it is unlocked. The server ends it when the process or its machine dies.
type Session struct{ l *lock }

// OpenSession opens a session. Transactions of the store fail when the session is lost.
func (s *Store) OpenSession(ctx context.Context, begin func(context.Context, *pgx.Conn) error) (*Session, error) {
	l, err := s.lock(ctx, func(l *lock) error { return begin(ctx, l.conn) })
	if err != nil {
		return nil, err
	}
	own, _ := l.(*lock)
	return &Session{own}, nil
}

// Check returns an error if the session was lost.
func (s *Session) Check(ctx context.Context) error { return s.l.check(ctx) }

// Close ends the session.
func (s *Session) Close() error { return s.l.Unlock() }

// LockShared locks a root against whoever locks it alone, as a run that is not divided does. ErrBusy: somebody has.
func (s *Store) LockShared(ctx context.Context, root store.RootID) (store.Lock, error) {
	return s.lock(ctx, func(l *lock) error {
		if err := l.try(ctx, "SELECT pg_try_advisory_lock_shared($1, $2)", lockClass, indexLock); err != nil {
			return err
		}
		id, ok, err := value[int32](ctx, l.conn, "SELECT id FROM roots WHERE uid = $1", string(root))
		if err == nil && !ok {
			err = fmt.Errorf("root %q is %w", root, store.ErrNoRoot)
		}
		if err != nil {
			return err
		}
		return l.try(ctx, "SELECT pg_try_advisory_lock_shared($1, $2)", rootClass, id)
	})
}
