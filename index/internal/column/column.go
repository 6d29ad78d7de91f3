// Package column is how the stores keep records in columns, as far as SQLite and PostgreSQL do it in the same way. It must not know their SQL.
package column

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/imgsearch/imgsearch/index/store"
)

// PictureID reads the column sha256.
func PictureID(raw []byte) (id store.PictureID, err error) {
	if copy(id[:], raw) != len(id) || len(raw) != len(id) {
		return id, fmt.Errorf("%w: a picture ID has %d bytes", store.ErrDamaged, len(raw))
	}
	return id, nil
}

// Twins reads the column twins: names, separated by slashes.
func Twins(raw []byte) []string {
	if len(raw) == 0 {
		return nil
	}
	return strings.Split(string(raw), "/")
}

// Calibration reads the column calibration of the model with a name.
func Calibration(raw []byte, model string) (*store.Calibration, error) {
	if raw == nil {
		return nil, nil //nolint:nilnil // the model has none
	}
	c := new(store.Calibration)
	if err := json.Unmarshal(raw, c); err != nil {
		return nil, fmt.Errorf("%w: the calibration of model %s: %w", store.ErrDamaged, model, err)
	}
	return c, nil
}

// InChunks calls each with consecutive parts of a list, of at most n elements.
func InChunks[T any](list []T, n int, each func([]T) error) error {
	for len(list) > 0 {
		k := min(len(list), n)
		if err := each(list[:k]); err != nil {
			return err
		}
		list = list[k:]
	}
	return nil
}
