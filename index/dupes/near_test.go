package dupes

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/imgsearch/imgsearch/internal/vec"
)

// clustered returns n random unit vectors around a common mean, as CLIP's are, followed by copies at the given similarities.
func clustered(n, dim int, cosines []float64) rows {
	r := rand.New(rand.NewPCG(7, 8))
	unit := func() []float64 {
		v := make([]float64, dim)
		s := 0.0
		for i := range v {
			v[i] = r.NormFloat64()
			s += v[i] * v[i]
		}
		for i := range v {
			v[i] /= math.Sqrt(s)
		}
		return v
	}
	mean := unit()
	list := rows{dim: dim}
	all := make([][]float64, 0, n+len(cosines))
	add := func(v []float64) {
		s := 0.0
		for _, x := range v {
			s += x * x
		}
		out := make([]float32, dim)
		for i, x := range v {
			out[i] = float32(x / math.Sqrt(s))
			v[i] = x / math.Sqrt(s)
		}
		all = append(all, v)
		list.data = append(list.data, vec.Pack(out)...)
	}
	for range n {
		v := unit()
		for i := range v {
			v[i] += mean[i]
		}
		add(v)
	}
	for i, c := range cosines { // a copy of vector i, at this cosine to it
		base, side := all[i], unit()
		along := 0.0
		for d := range side {
			along += side[d] * base[d]
		}
		s := 0.0
		for d := range side {
			side[d] -= along * base[d]
			s += side[d] * side[d]
		}
		v := make([]float64, dim)
		for d := range v {
			v[d] = c*base[d] + math.Sqrt(1-c*c)*side[d]/math.Sqrt(s)
		}
		add(v)
	}
	return list
}

// TestNearPairs: near pairs are found, others are not.
func TestNearPairs(t *testing.T) {
	const n, near, far = 6000, 300, 300
	cosines := make([]float64, near+far)
	for i := range cosines {
		cosines[i] = 0.955 + 0.04*float64(i)/near
		if i >= near {
			cosines[i] = 0.90
		}
	}
	list := clustered(n, 512, cosines)
	found := make(map[int]bool)
	for _, set := range nearOf(t, list, 0.95) {
		if len(set) != 2 || set[1] != n+set[0] {
			t.Errorf("%v hang together", set)
			continue
		}
		found[set[0]] = true
	}
	missed := 0
	for i := range near {
		if !found[i] {
			missed++
		}
	}
	for i := near; i < near+far; i++ {
		if found[i] {
			t.Errorf("%d is found at 0.90", i)
		}
	}
	if missed > near/100+1 {
		t.Errorf("%d of %d are missed", missed, near)
	}
}

func nearOf(t testing.TB, list rows, threshold float64) [][]int {
	t.Helper()
	sets, err := list.near(context.Background(), threshold)
	if err != nil {
		t.Fatal(err)
	}
	return sets
}

// TestNearEqualsAll: with more than exactRows rows, nearly all pairs that an exact comparison puts into one set are in one set.
// Rows near the mean are the hard ones: their pairs differ in more bits.
func TestNearEqualsAll(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	const dim, n = 256, exactRows + 1500
	list := clustered(n, dim, nil)
	one := make([]float32, dim)
	mean := list.mean()
	for i := range 1500 { // rows that are pulled to the mean, each with a noisy copy
		list.read(i, one)
		v := make([]float32, dim)
		pull := r.Float32()
		s := 0.0
		for d := range v {
			v[d] = one[d]*(1-pull*0.5) + mean[d]*pull
			s += float64(v[d]) * float64(v[d])
		}
		a, b := make([]float32, dim), make([]float32, dim)
		la, lb := 0.0, 0.0
		for d := range v {
			a[d] = v[d] / float32(math.Sqrt(s))
			b[d] = a[d] + 0.2*float32(r.NormFloat64())/float32(math.Sqrt(dim))
			la, lb = la+float64(a[d])*float64(a[d]), lb+float64(b[d])*float64(b[d])
		}
		for d := range v {
			a[d], b[d] = a[d]/float32(math.Sqrt(la)), b[d]/float32(math.Sqrt(lb))
		}
		list.data = append(append(list.data, vec.Pack(a)...), vec.Pack(b)...)
	}
	for _, threshold := range []float64{0.97, 0.95, 0.9} {
		together := make(map[int]int)
		for k, set := range nearOf(t, list, threshold) {
			for _, i := range set {
				together[i] = k + 1
			}
		}
		pairs, missed := 0, 0
		for i := n; i < list.len(); i += 2 {
			if list.cosine(i, i+1) >= threshold {
				pairs++
				if together[i] == 0 || together[i] != together[i+1] {
					missed++
				}
			}
		}
		if pairs == 0 || missed > pairs/50 {
			t.Errorf("at %.2f: %d of %d pairs are missed", threshold, missed, pairs)
		}
	}
}

// TestFilm: thousands of pictures that are all similar are found as one set, quickly.
func TestFilm(t *testing.T) {
	cosines := make([]float64, 0)
	list := clustered(exactRows, 128, cosines)
	one := make([]float32, 128)
	list.read(0, one)
	r := rand.New(rand.NewPCG(11, 12))
	for range 4000 {
		v := make([]float32, 128)
		s := 0.0
		for d := range v {
			v[d] = one[d] + 0.05*float32(r.NormFloat64())/float32(math.Sqrt(128))
			s += float64(v[d]) * float64(v[d])
		}
		for d := range v {
			v[d] /= float32(math.Sqrt(s))
		}
		list.data = append(list.data, vec.Pack(v)...)
	}
	sets := nearOf(t, list, 0.95)
	if len(sets) != 1 || len(sets[0]) != 4001 {
		t.Errorf("%d sets, the first of %d", len(sets), len(sets[0]))
	}
}

// TestEqualRows: equal vectors are always found, however many there are.
func TestEqualRows(t *testing.T) {
	list := clustered(50, 256, nil)
	row := append([]byte(nil), list.data[:512]...)
	for range 500 {
		list.data = append(list.data, row...)
	}
	sets := nearOf(t, list, 0.999)
	if len(sets) != 1 || len(sets[0]) != 501 {
		t.Errorf("%d sets, the first of %d", len(sets), len(sets[0]))
	}
	if got := nearOf(t, rows{dim: 256}, 0.9); got != nil {
		t.Errorf("of nothing: %v", got)
	}
}

func BenchmarkNear(b *testing.B) {
	list := clustered(100_000, 512, make([]float64, 0))
	for b.Loop() {
		nearOf(b, list, 0.95)
	}
}
