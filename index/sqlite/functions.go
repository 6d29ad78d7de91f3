package sqlite

import (
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"

	"modernc.org/sqlite"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/places"
)

// The SQL functions that our statements call. They are pure.
//
//	imgsearch_fold(TEXT)                       store.Fold
//	imgsearch_name(GLOB, DIR, NAME)            1 if the folded glob matches: store.MatchName
//	imgsearch_keyword(GLOB, KEYWORDS)          1 if the folded glob matches one of the keywords, one per line: store.MatchKeyword
//	imgsearch_person(GLOB, PEOPLE)             1 if the glob, folded by store.FoldText, matches one of the people, one per line: store.MatchPerson
//	imgsearch_place(LAT, LON)                  places.NearestID
//	imgsearch_gazetteer()                      places.Version
//	imgsearch_metres(LAT, LON, LAT, LON)       store.Metres
//	imgsearch_shapes(ID, W, H, TAKEN)          aggregate: a row of dateOrder for each picture, in order
//	imgsearch_set(ID)                          aggregate: the ids as a bitmap of little-endian 64-bit words
var registerFunctions = sync.OnceValue(func() error {
	scalars := map[string]struct {
		args int32
		call func(args []driver.Value) driver.Value
	}{
		"imgsearch_fold": {1, func(v []driver.Value) driver.Value { return store.Fold(text(v[0])) }},
		"imgsearch_name": {3, func(v []driver.Value) driver.Value {
			return store.MatchName(text(v[0]), text(v[1]), text(v[2]))
		}},
		"imgsearch_keyword": {2, func(v []driver.Value) driver.Value {
			return store.MatchKeyword(text(v[0]), strings.Split(text(v[1]), "\n"))
		}},
		"imgsearch_person": {2, func(v []driver.Value) driver.Value {
			return store.MatchPerson(text(v[0]), strings.Split(text(v[1]), "\n"))
		}},
		"imgsearch_place":     {2, func(v []driver.Value) driver.Value { return int64(places.NearestID(float(v[0]), float(v[1]))) }},
		"imgsearch_gazetteer": {0, func([]driver.Value) driver.Value { return places.Version }},
		"imgsearch_metres": {4, func(v []driver.Value) driver.Value {
			return store.Metres(store.Position{Latitude: float(v[0]), Longitude: float(v[1])}, store.Position{Latitude: float(v[2]), Longitude: float(v[3])})
		}},
	}
	for name, f := range scalars {
		err := sqlite.RegisterFunction(name, &sqlite.FunctionImpl{
			NArgs: f.args, Deterministic: true,
			Scalar: func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) { return f.call(args), nil },
		})
		if err != nil {
			return fmt.Errorf("register %s: %w", name, err)
		}
	}
	err := sqlite.RegisterFunction("imgsearch_shapes", &sqlite.FunctionImpl{
		NArgs: 4, Deterministic: true,
		MakeAggregate: func(sqlite.FunctionContext) (sqlite.AggregateFunction, error) { return &shapesAggregate{}, nil },
	})
	if err != nil {
		return fmt.Errorf("register imgsearch_shapes: %w", err)
	}
	return sqlite.RegisterFunction("imgsearch_set", &sqlite.FunctionImpl{
		NArgs: 1, Deterministic: true,
		MakeAggregate: func(sqlite.FunctionContext) (sqlite.AggregateFunction, error) { return &setAggregate{}, nil },
	})
})

// setAggregate collects row ids.
type setAggregate struct{ set bitmap }

func (a *setAggregate) Step(_ *sqlite.FunctionContext, args []driver.Value) error {
	if id, ok := args[0].(int64); ok {
		a.set.add(id)
	}
	return nil
}

var errWindow = errors.New("this aggregate is not a window function")

func (a *setAggregate) WindowInverse(*sqlite.FunctionContext, []driver.Value) error { return errWindow }

// WindowValue returns the aggregate's value.
func (a *setAggregate) WindowValue(*sqlite.FunctionContext) (driver.Value, error) {
	out := make([]byte, 0, 8*len(a.set))
	for _, word := range a.set {
		out = binary.LittleEndian.AppendUint64(out, word)
	}
	return out, nil
}

func (a *setAggregate) Final(*sqlite.FunctionContext) {}

// text returns the value of a TEXT or BLOB column; "" for NULL.
func text(v driver.Value) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	}
	return ""
}

// float returns the value of a REAL column.
func float(v driver.Value) float64 {
	switch v := v.(type) {
	case float64:
		return v
	case int64:
		return float64(v)
	}
	return 0
}
