package vec_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/imgsearch/imgsearch/index/flat"
	"github.com/imgsearch/imgsearch/internal/vec"
)

func unitVector(r *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	sum := 0.0
	for i := range v {
		v[i] = float32(r.NormFloat64())
		sum += float64(v[i]) * float64(v[i])
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(sum))
	}
	return v
}

// TestF16Error checks a bound on the error of cosine similarities in half precision, at the dimensions of published models and at odd ones.
func TestF16Error(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 3, 256, 511, 512, 768, 1152} {
		set := flat.NewSet(n)
		q := unitVector(r, n)
		var want []float64
		for i := range 50 {
			a := unitVector(r, n)
			if err := set.Add(int64(i), vec.Pack(a)); err != nil {
				t.Fatal(err)
			}
			want = append(want, 0)
			for d := range a {
				want[i] += float64(a[d]) * float64(q[d])
			}
		}
		got := make([]float32, len(want))
		if err := set.Scan(q, got, nil, 0); err != nil {
			t.Fatal(err)
		}
		for i := range want {
			if math.Abs(float64(got[i])-want[i]) > 2e-3 {
				t.Errorf("dimension %d: %v, want %v", n, got[i], want[i])
			}
		}
	}
}
