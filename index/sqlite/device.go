package sqlite

import "fmt"

// deviceID is an unsigned device number that SQLite stores as a signed integer.
type deviceID uint64

func (d *deviceID) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("device number is not an integer: %v", v)
	}
	*d = deviceID(n) //nolint:gosec // the bits are preserved: the inverse of deviceValue
	return nil
}

// deviceValue converts an unsigned device number to a signed integer with the same bits, for SQLite.
func deviceValue(d uint64) int64 { return int64(d) } //nolint:gosec // the bits are preserved
