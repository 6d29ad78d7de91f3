// Package embed turns pictures and words into vectors: it owns the model loader, the towers and the native runtime.
// Nothing outside it knows ONNX Runtime or an image codec. It must not know the index or the terminal.
package embed

import (
	"errors"
	"fmt"
	"math"

	"github.com/imgsearch/imgsearch/internal/vec"
)

// ErrBadVector is a tower's answer that is no direction: not finite, or all zero.
var ErrBadVector = errors.New("the model answered with a vector that is not finite or zero")

// ErrNoMemory is a tower that does not fit into the memory that the process may take.
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
		return nil, fmt.Errorf("the model answered %d numbers for %d vectors of %d", len(flat), n, dim)
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
