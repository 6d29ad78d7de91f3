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

// builtinCalibration is the built-in model's calibration, and the model identities to which it applies.
var builtinCalibration = sync.OnceValues(func() (c struct {
	store.Calibration
	Precision embed.Precision `json:"precision"`

	identities []string
}, err error,
) {
	if err := json.Unmarshal(starter.Calibration, &c); err != nil {
		return c, fmt.Errorf("read the calibration of the built-in model: %w", err)
	}
	spec := embed.Spec{Model: models.Builtin()} // the digests suffice for its identities, and every search waits for this
	if err := spec.ReadDigests(""); err != nil {
		return c, err
	}
	c.identities = append(spec.EarlierIdentities(c.Precision), spec.Identity(c.Precision))
	return c, nil
})

// Calibration returns the calibration that a model is delivered with; nil if there is none.
func Calibration(m store.Model) *store.Calibration {
	c, err := builtinCalibration()
	if err != nil || !slices.Contains(c.identities, m.Identity) {
		return nil
	}
	return &c.Calibration
}

// CalibrationInUse returns the calibration that searches use: the one measured on the index, or else the one that the model is delivered with; nil if there
// is neither.
func CalibrationInUse(m store.Model) *store.Calibration {
	if m.Calibration != nil {
		return m.Calibration
	}
	return Calibration(m)
}
