package sqlite

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestTopK(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		scores := make([]float32, r.IntN(40))
		for i := range scores {
			scores[i] = float32(r.IntN(12)) // many ties
		}
		k := 1 + r.IntN(12)
		sorted := slices.Clone(scores)
		slices.Sort(sorted)
		slices.Reverse(sorted)
		var want []int
		for i, v := range scores {
			if len(sorted) <= k || v >= sorted[k-1] {
				want = append(want, i)
			}
		}
		if got := topK(scores, k); !slices.Equal(got, want) {
			t.Fatalf("top %d of %v = %v, want %v", k, scores, got, want)
		}
	}
}
