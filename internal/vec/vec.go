// Package vec implements vector arithmetic: the half-precision form, lengths, cosines. It must not know what the vectors mean. Package
// index/flat scans many vectors.
package vec

import (
	"encoding/binary"
	"math"
	"sync"

	"github.com/x448/float16"
)

// Pack returns the stored form of a vector: half-precision numbers, little-endian. The cosine similarity of L2-normalised vectors
// changes by less than 2e-3 for up to 1,152 dimensions (TestF16Error).
func Pack(v []float32) []byte {
	out := make([]byte, 2*len(v))
	for i, x := range v {
		binary.LittleEndian.PutUint16(out[2*i:], float16.Fromfloat32(x).Bits())
	}
	return out
}

// Unpack is the inverse of Pack.
func Unpack(raw []byte) []float32 {
	v := make([]float32, len(raw)/2)
	Read(raw, v)
	return v
}

// Halves returns a table of the float32 value of every half-precision number.
var Halves = sync.OnceValue(func() *[1 << 16]float32 {
	var table [1 << 16]float32
	for i := range table {
		table[i] = float16.Frombits(uint16(i)).Float32()
	}
	return &table
})

// Read unpacks a vector into dst, which has the same number of values.
func Read(raw []byte, dst []float32) {
	table := Halves()
	for i := range dst {
		dst[i] = table[binary.LittleEndian.Uint16(raw[2*i:])]
	}
}

// PackedCosine returns the cosine similarity of two packed, L2-normalised vectors.
func PackedCosine(a, b []byte) float64 {
	table := Halves()
	var sum float32
	for i := 0; i+1 < len(a); i += 2 {
		sum += table[binary.LittleEndian.Uint16(a[i:])] * table[binary.LittleEndian.Uint16(b[i:])]
	}
	return float64(sum)
}

// PackedLength returns the Euclidean length of a packed vector.
func PackedLength(raw []byte) float64 {
	table := Halves()
	var sums [4]float32 // the additions need not wait for each other
	for i := 0; i+1 < len(raw); i += 2 {
		x := table[binary.LittleEndian.Uint16(raw[i:])]
		sums[i/2%4] += x * x
	}
	return math.Sqrt(float64(sums[0]) + float64(sums[1]) + float64(sums[2]) + float64(sums[3]))
}

// Dot returns the inner product, which is the cosine similarity if the vectors are L2-normalised.
func Dot(a, b []float32) float64 {
	sum := 0.0
	for i, x := range a {
		sum += float64(x) * float64(b[i])
	}
	return sum
}

// Length returns the Euclidean length.
func Length(v []float32) float64 { return math.Sqrt(Dot(v, v)) }

// Cosine returns the cosine similarity of two vectors of any length; 0 if their dimensions differ.
func Cosine(a, b []float32) float64 {
	if len(a) != len(b) {
		return 0
	}
	return Dot(a, b) / math.Sqrt(Dot(a, a)*Dot(b, b))
}

// Scale multiplies a vector in place.
func Scale(v []float32, by float64) {
	for i := range v {
		v[i] = float32(float64(v[i]) * by)
	}
}

// IsFinite reports whether a vector has no NaN and no infinity, so that it can be compared.
func IsFinite(v []float32) bool {
	for _, x := range v {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return false
		}
	}
	return true
}
