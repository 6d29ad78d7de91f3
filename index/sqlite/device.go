package sqlite

import "fmt"

// deviceID reads an unsigned device number from SQLite's signed integers.
type deviceID uint64

func (d *deviceID) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("device number is %T", v)
	}
	*d = deviceID(n) //nolint:gosec // the bits are kept: deviceValue's inverse
	return nil
}

// deviceValue keeps an unsigned device number's bits in SQLite's signed integer.
func deviceValue(d uint64) int64 { return int64(d) } //nolint:gosec // the bits are kept
