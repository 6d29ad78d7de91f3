package index

import (
	"math"
	"math/rand/v2"
	"testing"
)

// clustered makes n random unit vectors around a common mean, as CLIP's are, and after them copies at given similarities.
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
		list.data = append(list.data, packF16(out)...)
	}
	for range n {
		v := unit()
		for i := range v {
			v[i] += mean[i]
		}
		add(v)
	}
	for i, c := range cosines { // of vector i, at this cosine to it
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

// TestNearPairs: what is near is found, what is not is not.
func TestNearPairs(t *testing.T) {
	const n, near, far = 4000, 300, 300
	cosines := make([]float64, near+far)
	for i := range cosines {
		cosines[i] = 0.955 + 0.04*float64(i)/near
		if i >= near {
			cosines[i] = 0.90
		}
	}
	list := clustered(n, 512, cosines)
	found := make(map[int]bool)
	for _, set := range list.near(0.95) {
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

// TestEqualRows: equal vectors are always found, whatever the number.
func TestEqualRows(t *testing.T) {
	list := clustered(50, 256, nil)
	row := append([]byte(nil), list.data[:512]...)
	for range 500 {
		list.data = append(list.data, row...)
	}
	sets := list.near(0.999)
	if len(sets) != 1 || len(sets[0]) != 501 {
		t.Errorf("%d sets, the first of %d", len(sets), len(sets[0]))
	}
	if got := (rows{dim: 256}).near(0.9); got != nil {
		t.Errorf("of nothing: %v", got)
	}
}

func BenchmarkNear(b *testing.B) {
	list := clustered(100_000, 512, make([]float64, 0))
	for b.Loop() {
		list.near(0.95)
	}
}
