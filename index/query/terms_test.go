package query

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/imgsearch/imgsearch/internal/vec"
)

func unit(r *rand.Rand, dim int) []float32 {
	v := make([]float32, dim)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	vec.Scale(v, 1/vec.Length(v))
	return v
}

// TestRclipsOrder: weighted and signed queries rank pictures in the same order as rclip. rclip's score (3.3.0, model.py,
// compute_similarities_to_text) is the sum of weight times unit vector over the added texts and pictures, minus the same sum
// over the subtracted ones, multiplied by the pictures' unit vectors.
func TestRclipsOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const dim, n, top, queries = 512, 5000, 50, 20
	photos := make([][]float32, n)
	for i := range photos {
		photos[i] = unit(r, dim)
	}
	weights := []float64{1, 0.5, 2, 1, 0.25}
	for q := range queries {
		var terms []Term
		sum := make([]float64, dim) // the sum in rclip, which is not scaled
		for i := range 2 + q%4 {
			w := weights[(q+i)%len(weights)]
			if i > 0 && (q+i)%3 == 0 {
				w = -w
			}
			v := unit(r, dim)
			terms = append(terms, Term{Weight: w, Label: "t", vectors: [][]float32{v}})
			for d, x := range v {
				sum[d] += w * float64(x)
			}
		}
		vector, norm, err := combine(terms)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(vec.Length(vector)-1) > 1e-5 {
			t.Errorf("length %v", vec.Length(vector))
		}
		order := func(score func(p []float32) float64) []int {
			list := make([]int, n)
			scores := make([]float64, n)
			for i := range list {
				list[i], scores[i] = i, score(photos[i])
			}
			slices.SortFunc(list, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
			return list[:top]
		}
		ours := order(func(p []float32) float64 { return vec.Dot(vector, p) })
		theirs := order(func(p []float32) float64 {
			s := 0.0
			for d, x := range p {
				s += sum[d] * float64(x)
			}
			return s
		})
		if !slices.Equal(ours, theirs) {
			t.Errorf("query %d: %v, rclip %v", q, ours, theirs)
		}
		// The contributions of the terms add up to the score.
		total := 0.0
		for _, c := range contributions(terms, norm, photos[0]) {
			total += c.Contribution
		}
		if math.Abs(total-vec.Dot(vector, photos[0])) > 1e-5 {
			t.Errorf("contributions %v, score %v", total, vec.Dot(vector, photos[0]))
		}
	}
}
