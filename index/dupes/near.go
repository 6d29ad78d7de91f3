package dupes

import (
	"context"
	"errors"
	"math"
	"math/bits"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"

	"github.com/imgsearch/imgsearch/index/flat"
	"github.com/imgsearch/imgsearch/internal/vec"
)

// Near pairs of vectors are found without comparing all pairs: 100,000 vectors make five billion. Every
// vector gets a sketch, the signs of its projections on random directions (locality-sensitive hashing by hyperplanes; Charikar
// 2002), computed by randomised Hadamard transforms around the vectors' mean. Each group of bits is the key of a table. Vectors that share a bucket
// of any table are compared, first by the Hamming distance of their sketches, then exactly. Up to exactRows vectors, all pairs are compared.
const (
	sketchRounds = 2 // each adds as many bits as a vector has numbers
	mixing       = 2 // transforms per round
	// exactRows: measured on two cores, 5,000 vectors of 512 numbers take 0.4 s, 10,000 1.3 to 2.0 s.
	exactRows = 5000
	// wantedRecall is the share of pairs at the threshold that share a bucket.
	wantedRecall = 0.99
	// perComponent is how many rows of a component a row is compared with in a bucket: in a night-long time lapse all are similar.
	perComponent = 4
)

// sketches are the bits of n vectors.
type sketches struct {
	words int // 64-bit words per vector
	bits  []uint64
}

func (s *sketches) of(i int) []uint64 { return s.bits[i*s.words : (i+1)*s.words] }

// rows are vectors in half precision, one after another, of dim numbers each.
type rows struct {
	dim  int
	data []byte
}

func (r rows) len() int { return len(r.data) / (2 * r.dim) }

func (r rows) row(i int) []byte { return r.data[i*2*r.dim : (i+1)*2*r.dim] }

// read converts a row into dst.
func (r rows) read(i int, dst []float32) { vec.Read(r.row(i), dst[:r.dim]) }

// cosine returns the similarity of two rows, which are L2-normalised.
func (r rows) cosine(a, b int) float64 { return vec.PackedCosine(r.row(a), r.row(b)) }

// meanSample is how many rows the mean is taken over: it need not be exact.
const meanSample = 4096

// mean returns the approximate mean of the rows.
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

// inParallel runs part in parallel for ranges that together make up 0 to n.
func inParallel(n int, part func(from, to int)) {
	var wg sync.WaitGroup
	workers := runtime.NumCPU()
	for w := range workers {
		wg.Go(func() { part(n*w/workers, n*(w+1)/workers) })
	}
	wg.Wait()
}

// sketch computes the sketches of all rows around a mean. Equal rows have equal sketches: the directions are always the same.
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
				// The second round continues from the first: rotated random directions are still random.
				for _, sign := range signs[round*mixing : (round+1)*mixing] {
					for d, x := range sign[:len(v)] {
						v[d] *= x
					}
					hadamard(v)
				}
				// Take the sign bit itself: a branch would be mispredicted half of the time.
				for w := range wide / 64 {
					word := uint64(0)
					for k, x := range v[64*w : 64*w+64] {
						word |= uint64(^math.Float32bits(x)>>31) << k
					}
					out[round*wide/64+w] = word
				}
			}
		}
	})
	return s
}

// hadamard is the fast Walsh-Hadamard transform, without scaling, in place; len(v) is a power of two. It takes two steps
// at once, which halves the passes over memory.
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

// within reports whether two sketches differ in at most limit bits.
func within(x, y []uint64, limit int) bool {
	n := 0
	for i, w := range y[:len(x)] {
		if n += bits.OnesCount64(w ^ x[i]); n > limit {
			return false
		}
	}
	return true
}

// components are the sets of rows that are connected by pairs of at least a given similarity.
type components struct{ parent []int32 }

func newComponents(n int) *components {
	c := &components{parent: make([]int32, n)}
	for i := range c.parent {
		c.parent[i] = int32(i)
	}
	return c
}

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

// near returns the sets of two or more rows that are connected by pairs of at least the threshold, each in order. Among more
// than exactRows rows, a pair at the threshold is found with a probability of at least wantedRecall, a nearer pair with a higher one.
func (r rows) near(ctx context.Context, threshold float64) ([][]int, error) {
	n := r.len()
	all := newComponents(n)
	if n < 2 {
		return nil, nil
	}
	var mu sync.Mutex
	var failed error
	merge := func(c *components, err error) {
		mu.Lock()
		defer mu.Unlock()
		failed = errors.Join(failed, err)
		for i, p := range c.parent {
			all.join(int32(i), p)
		}
	}
	if n <= exactRows {
		set := flat.NewSet(r.dim)
		for i := range n {
			if err := set.Add(int64(i), r.row(i)); err != nil {
				return nil, err
			}
		}
		inParallel(n, func(from, to int) {
			c := newComponents(n)
			merge(c, r.joinAll(ctx, c, set, from, to, threshold))
		})
		return all.sets(), failed
	}
	mean := r.mean()
	s := r.sketch(mean)
	angle := r.widestAngle(mean, threshold)
	bits := tableBitsFor(angle, s.words*64)
	limit := hammingLimit(angle, s.words*64)
	inParallel(s.words*64/bits, func(from, to int) {
		c := newComponents(n)
		for table := from; table < to; table++ {
			for _, bucket := range s.buckets(n, table, bits) {
				if err := ctx.Err(); err != nil {
					merge(c, err)
					return
				}
				r.joinBucket(c, s, bucket, limit, threshold)
			}
		}
		merge(c, nil)
	})
	return all.sets(), failed
}

// joinAll compares the rows from..to with all rows before them; set holds all rows.
func (r rows) joinAll(ctx context.Context, c *components, set *flat.Set, from, to int, threshold float64) error {
	query := make([]float32, r.dim)
	scores := make([]float32, r.len())
	for i := from; i < to; i++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		r.read(i, query)
		if err := set.Scan(query, scores, nil, 0); err != nil {
			return err
		}
		for j := range i {
			if float64(scores[j]) >= threshold {
				c.join(int32(i), int32(j))
			}
		}
	}
	return nil
}

// widestAngle returns the angle, around the mean m, of a pair at the threshold t, for rows near the mean: rows whose squared
// distance from it is d are at an angle whose cosine is (t - 1 + d) / d. One row in a hundred is nearer than d.
func (r rows) widestAngle(mean []float32, threshold float64) float64 {
	var distances []float64
	one := make([]float32, r.dim)
	for i := 0; i < r.len(); i += max(1, r.len()/meanSample) {
		r.read(i, one)
		d := 0.0
		for k, x := range one {
			diff := float64(x) - float64(mean[k])
			d += diff * diff
		}
		distances = append(distances, d)
	}
	slices.Sort(distances)
	d := distances[len(distances)/100]
	if d <= 1-threshold {
		return math.Pi / 2
	}
	return math.Acos(max(-1, min(1, (threshold-1+d)/d)))
}

// tableBitsFor returns the number of bits of a table's key: the most with which a pair at the angle shares a bucket of any
// table with the probability wantedRecall. Each bit of a pair agrees with the probability 1 - angle/pi.
func tableBitsFor(angle float64, total int) int {
	for _, bits := range []int{16, 12, 10} {
		share := math.Pow(1-angle/math.Pi, float64(bits))
		if 1-math.Pow(1-share, float64(total/bits)) >= wantedRecall {
			return bits
		}
	}
	return 8 // slow, but the best available
}

// hammingLimit returns the Hamming distance that sketches of a pair at the angle stay below: the expected distance plus five standard deviations.
func hammingLimit(angle float64, total int) int {
	p := angle / math.Pi
	return int(float64(total)*p+5*math.Sqrt(float64(total)*p*(1-p))) + 1
}

// buckets returns the sets of two or more of n rows that share a key of a table.
func (s *sketches) buckets(n, table, bits int) [][]int32 {
	order := make([]int32, n)
	starts := make([]int32, 1<<bits+1)
	key := func(i int) int {
		k, v := table*bits, s.of(i)
		value := v[k/64] >> (k % 64)
		if over := k%64 + bits - 64; over > 0 {
			value |= v[k/64+1] << (bits - over)
		}
		return int(value & (1<<bits - 1))
	}
	// Counting sort by key.
	for i := range n {
		starts[key(i)+1]++
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
	for k := range 1 << bits {
		if starts[k+1]-starts[k] > 1 {
			list = append(list, order[starts[k]:starts[k+1]])
		}
	}
	return list
}

// smallBucket is the largest bucket in which all pairs are compared: there is nothing to save.
const smallBucket = 32

// joinBucket joins the near rows of a bucket: each row is compared with some rows of every component met so far
// in it.
func (r rows) joinBucket(c *components, s *sketches, bucket []int32, limit int, threshold float64) {
	if len(bucket) <= smallBucket {
		for i, a := range bucket {
			for _, b := range bucket[i+1:] {
				if within(s.of(int(a)), s.of(int(b)), limit) && c.find(a) != c.find(b) && r.cosine(int(a), int(b)) >= threshold {
					c.join(a, b)
				}
			}
		}
		return
	}
	met := make([]int32, 0, len(bucket))
	beside := make([]uint64, 0, len(bucket)*s.words) // the sketches of met, side by side: the cache holds them
	members := make(map[int32]int, len(bucket))      // how many of met belong to a component, by its root when it was met
	for _, a := range bucket {
		own := s.of(int(a))
		for i, b := range met {
			if within(own, beside[i*s.words:(i+1)*s.words], limit) && c.find(a) != c.find(b) && r.cosine(int(a), int(b)) >= threshold {
				c.join(a, b)
			}
		}
		if root := c.find(a); members[root] < perComponent {
			met, beside = append(met, a), append(beside, own...)
			members[root]++
		}
	}
}

func (c *components) sets() [][]int {
	members := make(map[int32][]int)
	for i := range c.parent {
		root := c.find(int32(i))
		members[root] = append(members[root], i)
	}
	var sets [][]int
	for i := range c.parent { // in the order of their first rows
		if m := members[int32(i)]; len(m) > 1 {
			sets = append(sets, m)
		}
	}
	return sets
}
