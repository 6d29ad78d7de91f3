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

func newStatements(db *sql.DB) *statements {
	return &statements{db: db, byQuery: make(map[string]*sql.Stmt)}
}

// prepared returns the statement of a query that is asked again; nil where it is not worth keeping, or cannot be prepared, which asking
// will tell.
func (s *statements) prepared(ctx context.Context, query string) *sql.Stmt {
	s.mu.Lock()
	defer s.mu.Unlock()
	stmt, again := s.byQuery[query]
	if stmt != nil || !again && len(s.byQuery) >= maxStatements || len(query) > maxQueryText {
		return stmt
	}
	if !again {
		s.byQuery[query] = nil // a process that answers once does not pay for what it will not ask again
		return nil
	}
	stmt, err := s.db.PrepareContext(ctx, query) //nolint:sqlclosecheck // close does
	if err != nil {
		return nil
	}
	s.byQuery[query] = stmt
	return stmt
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
