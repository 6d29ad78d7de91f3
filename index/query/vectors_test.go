package query_test

import (
	"os"
	"testing"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/vec"
)

// TestVectors: all vectors are yielded with their pictures, even if there are more than are looked up at once,
// and the iteration stops when the consumer stops.
func TestVectors(t *testing.T) {
	w := filled(t, 1100)
	n := 0
	for v, err := range w.engine().Vectors(t.Context(), store.Filter{}, "") {
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(v.Path)
		if err != nil {
			t.Fatal(err)
		}
		if c := vec.Dot(direction(string(data)), vec.Unpack(v.Data)); c < 0.999 {
			t.Fatalf("%s has another picture's vector (%v)", v.Path, c)
		}
		n++
	}
	if n != 1100 {
		t.Errorf("%d vectors", n)
	}
	n = 0
	for range w.engine().Vectors(t.Context(), store.Filter{}, "") {
		if n++; n == 3 {
			break
		}
	}
	for _, err := range w.engine().Vectors(t.Context(), store.Filter{}, "no such model") {
		t.Errorf("vectors of no model: %v", err)
	}
}
