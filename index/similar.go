package index

import (
	"encoding/binary"
	"math"
	"math/bits"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"

	"github.com/x448/float16"
)

// Pairs of vectors that are near one another are found without comparing all: 100,000 of them make five billion pairs. Every
// vector gets a sketch, the signs of its projections on random directions (locality-sensitive hashing by hyperplanes; Charikar
// 2002), taken by randomised Hadamard transforms around the vectors' mean. Groups of 16 bits are tables; what shares a bucket of
// any table is compared, first by the sketch's Hamming distance, then exactly.
const (
	sketchRounds = 2  // sketches of as many bits as a vector has numbers
	mixing       = 2  // transforms before each
	tableBits    = 16 // of a table's key
)

// sketches are the bits of n vectors.
type sketches struct {
	words int // of 64 bits, of a vector
	bits  []uint64
}

func (s *sketches) of(i int) []uint64 { return s.bits[i*s.words : (i+1)*s.words] }

// rows are vectors in half precision, one after another, of dim numbers each.
type rows struct {
	dim  int
	data []byte
}

func (r rows) len() int { return len(r.data) / (2 * r.dim) }

// halves are the float32 of every half-precision number.
var halves = sync.OnceValue(func() *[1 << 16]float32 {
	var table [1 << 16]float32
	for i := range table {
		table[i] = float16.Frombits(uint16(i)).Float32()
	}
	return &table
})

// read puts a row into dst.
func (r rows) read(i int, dst []float32) {
	table := halves()
	row := r.data[i*2*r.dim : (i+1)*2*r.dim]
	for d := range r.dim {
		dst[d] = table[binary.LittleEndian.Uint16(row[2*d:])]
	}
}

// cosine is the similarity of two rows, which are L2-normalised.
func (r rows) cosine(a, b int) float64 {
	table := halves()
	x, y := r.data[a*2*r.dim:(a+1)*2*r.dim], r.data[b*2*r.dim:(b+1)*2*r.dim]
	var sum float32
	for d := 0; d < 2*r.dim; d += 2 {
		sum += table[binary.LittleEndian.Uint16(x[d:])] * table[binary.LittleEndian.Uint16(y[d:])]
	}
	return float64(sum)
}

// meanSample is how many rows the mean is taken over: it need not be exact.
const meanSample = 4096

// mean is the mean of the rows, nearly.
func (r rows) mean() []float32 {
	sum := make([]float64, r.dim)
	one := make([]float32, r.dim)
	n := 0.0
	for i := 0; i < r.len(); i += max(1, r.len()/meanSample) {
		r.read(i, one)
		n++
		for d, x := range one {
			sum[d] += float64(x)
		}
	}
	for d := range one {
		one[d] = float32(sum[d] / max(n, 1))
	}
	return one
}

// inParallel runs part for ranges that make up 0 to n.
func inParallel(n int, part func(from, to int)) {
	var wg sync.WaitGroup
	workers := runtime.NumCPU()
	for w := range workers {
		wg.Go(func() { part(n*w/workers, n*(w+1)/workers) })
	}
	wg.Wait()
}

// sketch takes the sketches of all rows around a mean. Equal rows have equal sketches: the directions are always the same.
func (r rows) sketch(mean []float32) *sketches {
	wide := 64
	for wide < r.dim {
		wide *= 2
	}
	random := rand.New(rand.NewPCG(0x6d6, 0x9e3)) //nolint:gosec // directions, not secrets
	signs := make([][]float32, sketchRounds*mixing)
	for i := range signs {
		signs[i] = make([]float32, wide)
		for d := range signs[i] {
			signs[i][d] = float32(1 - 2*int(random.Uint64()&1))
		}
	}
	s := &sketches{words: sketchRounds * wide / 64}
	s.bits = make([]uint64, r.len()*s.words)
	inParallel(r.len(), func(from, to int) {
		v := make([]float32, wide)
		for i := from; i < to; i++ {
			clear(v)
			r.read(i, v[:r.dim])
			for d := range r.dim {
				v[d] -= mean[d]
			}
			out := s.of(i)
			for round := range sketchRounds {
				// The second sketch goes on from the first: what a rotation makes of random directions is random.
				for _, sign := range signs[round*mixing : (round+1)*mixing] {
					for d := range v {
						v[d] *= sign[d]
					}
					hadamard(v)
				}
				for d, x := range v {
					if x > 0 {
						out[(round*wide+d)/64] |= 1 << (d % 64)
					}
				}
			}
		}
	})
	return s
}

// hadamard is the fast Walsh-Hadamard transform, without scaling, in place; len(v) is a power of two. Two of its steps are
// taken at once: half as many ways through memory.
func hadamard(v []float32) {
	h := 1
	for ; 4*h <= len(v); h *= 4 {
		for i := 0; i < len(v); i += 4 * h {
			a, b, c, d := v[i:i+h], v[i+h:i+2*h], v[i+2*h:i+3*h], v[i+3*h:i+4*h]
			for j := range a {
				ab, amb := a[j]+b[j], a[j]-b[j]
				cd, cmd := c[j]+d[j], c[j]-d[j]
				a[j], b[j], c[j], d[j] = ab+cd, amb+cmd, ab-cd, amb-cmd
			}
		}
	}
	for ; h < len(v); h *= 2 {
		for i := 0; i < len(v); i += 2 * h {
			a, b := v[i:i+h], v[i+h:i+2*h]
			for j, x := range a {
				y := b[j]
				a[j], b[j] = x+y, x-y
			}
		}
	}
}

// hamming is the number of bits in which two sketches differ, or more than limit.
func (s *sketches) hamming(a, b, limit int) int {
	n := 0
	x, y := s.of(a), s.of(b)
	for i, w := range x {
		n += bits.OnesCount64(w ^ y[i])
		if n > limit {
			break
		}
	}
	return n
}

// components are sets of rows that hang together by pairs of at least a similarity.
type components struct{ parent []int32 }

func (c *components) find(i int32) int32 {
	for c.parent[i] != i {
		c.parent[i] = c.parent[c.parent[i]]
		i = c.parent[i]
	}
	return i
}

func (c *components) join(a, b int32) {
	x, y := c.find(a), c.find(b)
	c.parent[max(x, y)] = min(x, y)
}

// near returns the sets of two and more rows that hang together by pairs of at least the similarity, each in order. A pair
// at the threshold is found with a probability of some 99.6 % where it is 0.95 and half of the vectors' length is their mean's (as measured
// of CLIP models); nearer ones are found more surely.
func (r rows) near(threshold float64) [][]int {
	n := r.len()
	c := components{parent: make([]int32, n)}
	for i := range c.parent {
		c.parent[i] = int32(i)
	}
	mean := r.mean()
	s := r.sketch(mean)
	limit := r.hammingLimit(s, mean, threshold)
	var mu sync.Mutex
	inParallel(s.words*64/tableBits, func(from, to int) {
		for table := from; table < to; table++ {
			for _, bucket := range s.buckets(n, table) {
				r.joinBucket(&c, &mu, s, bucket, limit, threshold)
			}
		}
	})
	return c.sets()
}

// buckets are the sets of two and more of n rows that share a table's key.
func (s *sketches) buckets(n, table int) [][]int32 {
	order := make([]int32, n)
	starts := make([]int32, 1<<tableBits+1)
	key := func(i int) uint16 {
		return uint16(s.of(i)[table*tableBits/64] >> (table * tableBits % 64))
	}
	// Counting sort by key.
	for i := range n {
		starts[int(key(i))+1]++
	}
	for k := 1; k < len(starts); k++ {
		starts[k] += starts[k-1]
	}
	next := slices.Clone(starts)
	for i := range n {
		k := key(i)
		order[next[k]] = int32(i)
		next[k]++
	}
	var list [][]int32
	for k := range 1 << tableBits {
		if starts[k+1]-starts[k] > 1 {
			list = append(list, order[starts[k]:starts[k+1]])
		}
	}
	return list
}

// hammingLimit is what the sketches of a pair at the threshold stay below: their expected distance and five standard
// deviations. Around the mean m of unit vectors, a pair of similarity t is at an angle of which the cosine is
// (t - |m|^2) / (1 - |m|^2), on average.
func (r rows) hammingLimit(s *sketches, mean []float32, threshold float64) int {
	square := 0.0
	for _, x := range mean {
		square += float64(x) * float64(x)
	}
	angle := math.Pi / 2
	if square < 1 {
		angle = math.Acos(max(-1, min(1, (threshold-square)/(1-square))))
	}
	p, total := angle/math.Pi, float64(s.words*64)
	return int(total*p+5*math.Sqrt(total*p*(1-p))) + 1
}

// joinBucket joins what is near among the rows of a bucket. mu guards the components.
func (r rows) joinBucket(c *components, mu *sync.Mutex, s *sketches, bucket []int32, limit int, threshold float64) {
	for i, a := range bucket {
		for _, b := range bucket[i+1:] {
			if s.hamming(int(a), int(b), limit) > limit {
				continue
			}
			mu.Lock()
			apart := c.find(a) != c.find(b)
			mu.Unlock()
			if apart && r.cosine(int(a), int(b)) >= threshold {
				mu.Lock()
				c.join(a, b)
				mu.Unlock()
			}
		}
	}
}

func (c *components) sets() [][]int {
	members := make(map[int32][]int)
	for i := range c.parent {
		if root := c.find(int32(i)); root != int32(i) || members[root] != nil {
			members[root] = append(members[root], i)
		} else {
			members[root] = []int{i}
		}
	}
	var sets [][]int
	for i := range c.parent { // in the order of their first rows
		if m := members[int32(i)]; len(m) > 1 {
			sets = append(sets, m)
		}
	}
	return sets
}
