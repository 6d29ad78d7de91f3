package sqlite

import (
	"context"
	"database/sql/driver"
	"encoding/binary"
	"errors"

	"modernc.org/sqlite"

	"github.com/imgsearch/imgsearch/index/store"
)

// dateOrder is the order of all pictures by date. It is kept until the index changes: for a million pictures it takes 8 MB, and half a second to read.
type dateOrder struct {
	ids     []uint32
	ratios  []uint16 // as in store.Shapes
	months  []uint16 // 13 times the year, plus the month; 0: no date
	changes int64
}

// shapeBytes is the size of a row of imgsearch_shapes.
const shapeBytes = 8

// shapesAggregate collects the ids, shapes and months of pictures, in the order of the rows.
type shapesAggregate struct{ rows []byte }

// errLargeID means that a row's id has more than 32 bits, which four thousand million pictures would have needed.
var errLargeID = errors.New("a picture's row number is too large")

func (a *shapesAggregate) Step(_ *sqlite.FunctionContext, args []driver.Value) error {
	id, _ := args[0].(int64)
	width, _ := args[1].(int64)
	height, _ := args[2].(int64)
	if id < 0 || id > 1<<32-1 {
		return errLargeID
	}
	a.rows = binary.LittleEndian.AppendUint32(a.rows, uint32(id))
	a.rows = binary.LittleEndian.AppendUint16(a.rows, store.RatioOf(int(width), int(height)))
	a.rows = binary.LittleEndian.AppendUint16(a.rows, monthOf(text(args[3])))
	return nil
}

func (a *shapesAggregate) WindowInverse(*sqlite.FunctionContext, []driver.Value) error {
	return errWindow
}

// WindowValue returns the aggregate's value.
func (a *shapesAggregate) WindowValue(*sqlite.FunctionContext) (driver.Value, error) {
	return a.rows, nil
}

func (a *shapesAggregate) Final(*sqlite.FunctionContext) {}

// monthsAYear is the number of months of a year, and one for dates without a month.
const monthsAYear = 13

// monthOf returns the month of a time as dateOrder has it.
func monthOf(taken string) uint16 {
	year, month := store.YearMonth(taken)
	if year > 5000 { // it does not fit
		return 0
	}
	return uint16(monthsAYear*year + month)
}

// dateOrder returns the order of all pictures by date, newest first.
func (s *Store) dateOrder(ctx context.Context) (*dateOrder, error) {
	c := &s.vectors
	c.mu.Lock()
	err := c.look(ctx, s)
	changes, known := c.changes, c.order
	c.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if known != nil && known.changes == changes {
		return known, nil
	}
	c.ordering.Lock() // others wait for the one that reads it
	defer c.ordering.Unlock()
	c.mu.Lock()
	known = c.order
	c.mu.Unlock()
	if known != nil && known.changes >= changes {
		return known, nil
	}
	var rows []byte
	err = s.read.QueryRowContext(ctx, `SELECT imgsearch_shapes(id, width, height, taken_at) FROM (
		SELECT id, width, height, taken_at FROM pictures INDEXED BY pictures_taken WHERE orphaned_at IS NULL ORDER BY taken_at DESC, id)`).Scan(&rows)
	if err != nil {
		return nil, explain(err)
	}
	n := len(rows) / shapeBytes
	o := &dateOrder{make([]uint32, n), make([]uint16, n), make([]uint16, n), changes}
	for i := range n {
		row := rows[i*shapeBytes:]
		o.ids[i], o.ratios[i], o.months[i] = binary.LittleEndian.Uint32(row), binary.LittleEndian.Uint16(row[4:]), binary.LittleEndian.Uint16(row[6:])
	}
	c.mu.Lock()
	c.order = o
	c.mu.Unlock()
	return o, nil
}

// page returns a page of the pictures in a set, newest first.
func (o *dateOrder) page(set bitmap, offset, limit int) (ids []int64) {
	if set == nil {
		offset = min(offset, len(o.ids))
		for _, id := range o.ids[offset : offset+min(limit, len(o.ids)-offset)] {
			ids = append(ids, int64(id))
		}
		return ids
	}
	for _, id := range o.ids {
		if !set.has(int64(id)) {
			continue
		}
		if offset > 0 {
			offset--
			continue
		}
		if ids = append(ids, int64(id)); len(ids) == limit {
			break
		}
	}
	return ids
}

// Shapes returns the shapes of the pictures that match a filter, newest first.
func (s *Store) Shapes(ctx context.Context, f store.Filter) (shapes store.Shapes, err error) {
	set, _, err := s.set(ctx, f)
	if err != nil {
		return shapes, err
	}
	o, err := s.dateOrder(ctx)
	if err != nil {
		return shapes, err
	}
	last := -1
	for i, id := range o.ids {
		if set != nil && !set.has(int64(id)) {
			continue
		}
		if month := int(o.months[i]); month != last {
			shapes.Months = append(shapes.Months, store.MonthStart{Year: month / monthsAYear, Month: month % monthsAYear, First: len(shapes.Ratios)})
			last = month
		}
		shapes.Ratios = append(shapes.Ratios, o.ratios[i])
	}
	return shapes, nil
}
