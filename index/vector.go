package index

import (
	"encoding/binary"
	"math"

	"github.com/x448/float16"
)

// packF16 makes the stored form of a vector: half-precision numbers, little-endian. Of an L2-normalised vector this
// keeps the cosine similarity within 2e-3 for up to 1,152 dimensions (TestF16Error).
func packF16(v []float32) []byte {
	out := make([]byte, 2*len(v))
	for i, x := range v {
		binary.LittleEndian.PutUint16(out[2*i:], float16.Fromfloat32(x).Bits())
	}
	return out
}

// finite tells a vector that can be compared.
func finite(v []float32) bool {
	for _, x := range v {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return false
		}
	}
	return true
}
