package sqlite

import (
	"database/sql/driver"
	"fmt"
	"sync"
	"sync/atomic"

	"modernc.org/sqlite"
)

// keepsFunction is the SQL function by which a statement asks a function of ours about a row's values: imgsearch_keeps(NUMBER, VALUE...).
// Rows that are not kept never leave the database, nor do they take part in its sorting.
const keepsFunction = "imgsearch_keeps"

// predicate is told values as the database has them: []byte, string, float64, int64 or nil.
type predicate func(values []driver.Value) bool

var (
	predicates    sync.Map // by number
	lastPredicate atomic.Int64
)

// registerKeeps makes the function known to the connections that are opened from then on.
var registerKeeps = sync.OnceValue(func() error {
	return sqlite.RegisterFunction(keepsFunction, &sqlite.FunctionImpl{
		NArgs: -1, Deterministic: true,
		Scalar: func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
			if len(args) == 0 {
				return nil, fmt.Errorf("%s: no number", keepsFunction)
			}
			number, _ := args[0].(int64)
			p, ok := predicates.Load(number)
			keep, isPredicate := p.(predicate)
			if !ok || !isPredicate {
				return nil, fmt.Errorf("%s: no function %d", keepsFunction, number)
			}
			return keep(args[1:]), nil
		},
	})
})

// lend gives a predicate a number for the time of a statement; done takes it back.
func lend(p predicate) (number int64, done func()) {
	number = lastPredicate.Add(1)
	predicates.Store(number, p)
	return number, func() { predicates.Delete(number) }
}

// text is a value of a TEXT or BLOB column; NULL is "".
func text(v driver.Value) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	}
	return ""
}

// float is a value of a REAL column.
func float(v driver.Value) float64 {
	switch v := v.(type) {
	case float64:
		return v
	case int64:
		return float64(v)
	}
	return 0
}
