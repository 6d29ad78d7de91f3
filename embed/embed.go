// Package embed turns pictures and words into vectors: it owns the model loader, the towers and the native runtime.
// Nothing outside it knows ONNX Runtime or an image codec. It must not know the index or the terminal.
package embed

import (
	"errors"
	"fmt"
	"math"

	"github.com/imgsearch/imgsearch/internal/vec"
)

// ErrBadVector reports that a tower's vector has no direction: it is not finite, or all zero.
var ErrBadVector = errors.New("the model returned a vector that is zero or not finite")

// ErrNoMemory reports that a tower does not fit into the memory that the process may use.
var ErrNoMemory = errors.New("not enough memory for the model")

// normalize scales v to length 1, in place.
func normalize(v []float32) error {
	length := vec.Length(v)
	if length == 0 || math.IsNaN(length) || math.IsInf(length, 0) {
		return ErrBadVector
	}
	for i := range v {
		v[i] = float32(float64(v[i]) / length)
	}
	return nil
}

// split cuts one array of n rows into normalised vectors of dim.
func split(flat []float32, n, dim int) ([][]float32, error) {
	if len(flat) != n*dim {
		return nil, fmt.Errorf("the model returned %d numbers for %d vectors of length %d", len(flat), n, dim)
	}
	out := make([][]float32, n)
	for i := range out {
		out[i] = make([]float32, dim)
		copy(out[i], flat[i*dim:])
		if err := normalize(out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}
