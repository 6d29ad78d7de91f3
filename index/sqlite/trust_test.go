package sqlite_test

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/imgsearch/imgsearch/index/sqlite"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/vec"
)

// TestFlippedBits flips one bit of a vector file at a time. Whatever a search shows must have the score that the index gives it.
func TestFlippedBits(t *testing.T) {
	const n, flips, limit = 200, 150, 10
	r := rand.New(rand.NewPCG(1, 2))
	path := filled(t, n)
	spread(t, path, r)
	prepare := func() []byte {
		t.Helper()
		s, err := sqlite.Open(t.Context(), path, sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := s.PrepareSearch(t.Context(), "m"); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(vectorFile(t, path))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	intact := prepare()
	query := unit(r)
	search := func(limit int) store.Nearest {
		t.Helper()
		s, err := sqlite.OpenReadOnly(t.Context(), path, sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		found, err := s.Nearest(t.Context(), store.NearestQuery{Model: "m", Vector: query, Limit: limit})
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	truth := make(map[store.PictureID]float64)
	all := search(n)
	if all.Damaged || len(all.Hits) != n {
		t.Fatalf("%d hits, damaged %v", len(all.Hits), all.Damaged)
	}
	for _, h := range all.Hits {
		truth[h.Picture] = h.Score
	}
	file := vectorFile(t, path)
	damaged := 0
	for flip := range flips {
		data := append([]byte(nil), intact...)
		at := r.IntN(len(data) * 8)
		data[at/8] ^= 1 << (at % 8)
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		found := search(limit)
		if len(found.Hits) != limit {
			t.Errorf("flip %d at bit %d: %d hits", flip, at, len(found.Hits))
		}
		for _, h := range found.Hits {
			if math.Abs(h.Score-truth[h.Picture]) > 1e-4 {
				t.Errorf("flip %d at bit %d: a score of %v, want %v", flip, at, h.Score, truth[h.Picture])
			}
		}
		if found.Damaged {
			damaged++
			if _, err := os.Stat(file); err == nil {
				t.Errorf("flip %d: the damaged file is still there", flip)
			}
			prepare()
		}
	}
	if damaged == 0 {
		t.Error("no flip was noticed")
	}
}

// vectorFile returns the path of the only vector file of an index.
func vectorFile(t *testing.T, path string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*.vectors", "*.f16"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%q, %v", found, err)
	}
	return found[0]
}

// unit returns a random direction.
func unit(r *rand.Rand) []float32 {
	v := make([]float32, 64)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	vec.Scale(v, 1/vec.Length(v))
	return v
}

// spread gives the pictures of an index random vectors.
func spread(t *testing.T, path string, r *rand.Rand) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ids, err := s.List(t.Context(), store.ListQuery{Order: store.ByDate, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, func(tx store.Tx) error {
		for _, id := range ids {
			if err := tx.PutVector(t.Context(), "m", store.Vector{Picture: id, Data: vec.Pack(unit(r))}); err != nil {
				return err
			}
		}
		return nil
	})
}
