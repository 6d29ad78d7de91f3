package sqlite

import (
	"context"
	"database/sql"
	"sync"
)

// statements is a cache of prepared queries: in a search that takes 1 ms, preparing its dozen statements takes a third of the time.
type statements struct {
	db      *sql.DB
	mu      sync.Mutex
	byQuery map[string]*sql.Stmt // nil: run once, not prepared yet
}

// The limits of the cache: filters generate many different queries.
const (
	maxStatements = 100
	maxQueryText  = 4 << 10
)

// newStatements returns a cache for a database. For an in-memory database it caches nothing,
// since preparing would have to wait for the only connection.
func newStatements(db *sql.DB, memory bool) *statements {
	s := &statements{db: db}
	if !memory {
		s.byQuery = make(map[string]*sql.Stmt)
	}
	return s
}

// prepared returns the prepared statement of a query that has been run before. It returns nil if the query is new or too long to cache,
// or if preparing fails; running the query then reports the error.
func (s *statements) prepared(ctx context.Context, query string) *sql.Stmt {
	if s.byQuery == nil || len(query) > maxQueryText {
		return nil
	}
	s.mu.Lock()
	stmt, again := s.byQuery[query]
	if !again { // a process that runs a query only once does not pay for preparing it
		s.note(query)
	}
	s.mu.Unlock()
	if stmt != nil || !again {
		return stmt
	}
	fresh, err := s.db.PrepareContext(ctx, query)
	if err != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if stmt := s.byQuery[query]; stmt != nil { // another goroutine was faster
		_ = fresh.Close() //nolint:sqlclosecheck // it was not used; the other one is kept
		return stmt
	}
	s.byQuery[query] = fresh
	return fresh
}

// note records that a query was run once. If the cache is full, it drops the other queries that were run only once. The caller holds mu.
func (s *statements) note(query string) {
	if len(s.byQuery) >= maxStatements {
		for other, stmt := range s.byQuery {
			if stmt == nil {
				delete(s.byQuery, other)
			}
		}
	}
	if len(s.byQuery) < maxStatements {
		s.byQuery[query] = nil
	}
}

func (s *statements) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if stmt := s.prepared(ctx, query); stmt != nil { //nolint:sqlclosecheck // close does
		return stmt.QueryContext(ctx, args...)
	}
	return s.db.QueryContext(ctx, query, args...)
}

func (s *statements) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if stmt := s.prepared(ctx, query); stmt != nil { //nolint:sqlclosecheck // close does
		return stmt.QueryRowContext(ctx, args...)
	}
	return s.db.QueryRowContext(ctx, query, args...)
}

// close closes the statements.
func (s *statements) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for query, stmt := range s.byQuery {
		delete(s.byQuery, query)
		if stmt == nil {
			continue
		}
		if err := stmt.Close(); err != nil {
			return err
		}
	}
	return nil
}
