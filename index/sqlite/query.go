package sqlite

import (
	"context"
	"database/sql"

	"github.com/imgsearch/imgsearch/index/internal/column"
)

// querier is the common interface of a database and a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

type scanFunc func(dest ...any) error

// collect runs a query and reads each row.
func collect[T any](ctx context.Context, q querier, query string, row func(scanFunc) (T, error), args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []T
	for rows.Next() {
		v, err := row(rows.Scan)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, rows.Err()
}

// atOnce is the largest number of places or ids in one statement.
const atOnce = 500

// inChunks calls each with consecutive parts of a list.
func inChunks[T any](list []T, each func([]T) error) error {
	return column.InChunks(list, atOnce, each)
}

// numbers converts row ids to statement parameters.
func numbers(ids []int64) []any {
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	return args
}
