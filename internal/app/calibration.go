package app

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/models"
	"github.com/imgsearch/imgsearch/models/starter"
)

// builtinCalibration is what the built-in model came with, and the identities for which it holds.
var builtinCalibration = sync.OnceValues(func() (c struct {
	store.Calibration
	Precision embed.Precision `json:"precision"`

	identities []string
}, err error,
) {
	if err := json.Unmarshal(starter.Calibration, &c); err != nil {
		return c, fmt.Errorf("read the calibration of the built-in model: %w", err)
	}
	spec := embed.Spec{Model: models.Builtin()} // for its identities the digests are enough, and every search waits for them
	if err := spec.ReadDigests(""); err != nil {
		return c, err
	}
	c.identities = append(spec.EarlierIdentities(c.Precision), spec.Identity(c.Precision))
	return c, nil
})

// Calibration is what a model came with that says what its scores mean; nil: it came with nothing.
func Calibration(m store.Model) *store.Calibration {
	c, err := builtinCalibration()
	if err != nil || !slices.Contains(c.identities, m.Identity) {
		return nil
	}
	return &c.Calibration
}
