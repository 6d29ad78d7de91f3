package calibrate

import (
	"encoding/binary"
	"math"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/vec"
)

// LeastPictures is how many pictures a calibration needs: half of them are still enough for a best score that means something.
const LeastPictures = 100

// leastPart is how many pictures a part has at least, on average.
const leastPart = 50

// Sample holds the best cosine of each query among all pictures and among random parts of them: halves, quarters and so on.
type Sample struct {
	queries []Query
	vectors [][]float32
	// levels[k] has 2^k parts; of each part the best cosine of each query.
	levels   [][][]float64
	pictures int
}

// NewSample prepares for about so many pictures. vectors are the queries', L2-normalised.
func NewSample(queries []Query, vectors [][]float32, pictures int) *Sample {
	s := &Sample{queries: queries, vectors: vectors}
	for parts := 1; parts == 1 || pictures/parts >= leastPart && parts <= mostParts; parts *= 2 {
		level := make([][]float64, parts)
		for p := range level {
			level[p] = make([]float64, len(queries))
			for q := range level[p] {
				level[p][q] = math.Inf(-1)
			}
		}
		s.levels = append(s.levels, level)
	}
	return s
}

// mostParts bounds the parts, and with them the memory; more tell no more.
const mostParts = 64

// Add takes a picture's vector. Its id, a digest of its content, decides by its last bits which parts it belongs to.
func (s *Sample) Add(v store.Vector) {
	picture := vec.Unpack(v.Data)
	bits := binary.LittleEndian.Uint64(v.Picture[len(v.Picture)-8:])
	s.pictures++
	for q, query := range s.vectors {
		score := vec.Dot(query, picture)
		for _, level := range s.levels {
			best := &level[bits&uint64(len(level)-1)][q]
			*best = max(*best, score)
		}
	}
}

// Pictures is how many there were.
func (s *Sample) Pictures() int { return s.pictures }

// best is a query's best cosine among all pictures.
func (s *Sample) best(query int) float64 { return s.levels[0][0][query] }

// bestAt is the mean over the parts of a level.
func (s *Sample) bestAt(level, query int) float64 {
	sum, n := 0.0, 0
	for _, part := range s.levels[level] {
		if !math.IsInf(part[query], -1) {
			sum, n = sum+part[query], n+1
		}
	}
	return sum / float64(max(n, 1))
}
