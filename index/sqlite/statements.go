package sqlite

import (
	"context"
	"database/sql"
	"sync"
)

// statements are queries that are prepared once: of a search that takes a millisecond, preparing its dozen statements is a third.
type statements struct {
	db      *sql.DB
	mu      sync.Mutex
	byQuery map[string]*sql.Stmt // nil: asked once
}

// The bounds of what is kept: queries of filters come in many forms.
const (
	maxStatements = 100
	maxQueryText  = 4 << 10
)

// newStatements prepares for a database; one that lives in memory has one connection, of which preparing would take a turn.
func newStatements(db *sql.DB, memory bool) *statements {
	s := &statements{db: db}
	if !memory {
		s.byQuery = make(map[string]*sql.Stmt)
	}
	return s
}

// prepared returns the statement of a query that is asked again; nil where it is not worth keeping, or cannot be prepared, which asking
// will tell.
func (s *statements) prepared(ctx context.Context, query string) *sql.Stmt {
	if s.byQuery == nil || len(query) > maxQueryText {
		return nil
	}
	s.mu.Lock()
	stmt, again := s.byQuery[query]
	if !again { // a process that answers once does not pay for what it will not ask again
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
		_ = fresh.Close() //nolint:sqlclosecheck // it was not used, and the other one is kept
		return stmt
	}
	s.byQuery[query] = fresh
	return fresh
}

// note notes a query that was asked once, and forgets others like it where there are too many. The caller holds mu.
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

// close gives the statements back.
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
