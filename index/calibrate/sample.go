package calibrate

import (
	"encoding/binary"
	"math"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/vec"
)

// LeastPictures is how many pictures a calibration needs: half of them are still enough for a meaningful best score.
const LeastPictures = 100

// leastPart is the least number of pictures in a part, on average.
const leastPart = 50

// Sample holds the best cosine of each query among all pictures and among random parts of them: halves, quarters and so on.
type Sample struct {
	queries []Query
	vectors [][]float32
	// levels[k] has 2^k parts, each with the best cosine of each query.
	levels   [][][]float64
	pictures int
}

// NewSample returns an empty sample for about this many pictures. vectors are the L2-normalised vectors of the queries.
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

// mostParts limits the number of parts, and so the memory; more parts would add no information.
const mostParts = 64

// Add adds a picture's vector. The last bits of the picture's id, a digest of its content, decide which parts it belongs to.
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

// Pictures returns how many pictures were added.
func (s *Sample) Pictures() int { return s.pictures }

// best returns a query's best cosine among all pictures.
func (s *Sample) best(query int) float64 { return s.levels[0][0][query] }

// bestAt returns a query's best cosine, averaged over the parts of a level.
func (s *Sample) bestAt(level, query int) float64 {
	sum, n := 0.0, 0
	for _, part := range s.levels[level] {
		if !math.IsInf(part[query], -1) {
			sum, n = sum+part[query], n+1
		}
	}
	return sum / float64(max(n, 1))
}
