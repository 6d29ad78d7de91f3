package index

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/imgsearch/imgsearch/index/flat"
	"github.com/imgsearch/imgsearch/index/sqlite"
)

func TestSameStat(t *testing.T) {
	base := sqlite.Stat{Size: 100, MTimeNS: time.Date(2024, 7, 1, 12, 0, 0, 0, time.UTC).UnixNano()}
	for _, c := range []struct {
		by   time.Duration
		size int64
		want bool
	}{
		{0, 0, true},
		{2 * time.Second, 0, true},
		{-2 * time.Second, 0, true},
		{3 * time.Second, 0, false},
		{time.Hour, 0, true},
		{-time.Hour + time.Second, 0, true},
		{9*time.Hour - 2*time.Second, 0, true},
		{30 * time.Minute, 0, false},
		{48 * time.Hour, 0, false},
		{0, 1, false},
		{time.Hour, 1, false},
	} {
		other := sqlite.Stat{Size: base.Size + c.size, MTimeNS: base.MTimeNS + int64(c.by)}
		if sameStat(base, other) != c.want || sameStat(other, base) != c.want {
			t.Errorf("mtime off by %v, size by %d: equal is %v, want %v", c.by, c.size, !c.want, c.want)
		}
	}
}

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

// TestF16Error bounds what half precision costs a cosine similarity, at every dimension of published models and at odd ones.
func TestF16Error(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 3, 256, 511, 512, 768, 1152} {
		set := flat.NewSet(n)
		q := unitVector(r, n)
		var want []float64
		for i := range 50 {
			a := unitVector(r, n)
			if err := set.Add(int64(i), packF16(a)); err != nil {
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

func TestJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "i.db")
	j, left, err := openJournal(path)
	if err != nil || len(left) != 0 {
		t.Fatalf("new journal: %v, %v", left, err)
	}
	a := sqlite.Place{RootID: 7, Dir: "x/y", Name: "a\xff\n.jpg"}
	b := sqlite.Place{RootID: 8, Dir: "", Name: "b.jpg"}
	j.enter(0, sqlite.Place{RootID: 1, Name: "done.jpg"}, false)
	j.leave(0)
	j.enter(1, a, false)
	j.enter(2, b, true)
	// The process dies here.
	second, left, err := openJournal(path)
	want := []inFlight{{a, false}, {b, true}}
	if err != nil || !slices.Equal(left, want) {
		t.Errorf("left %v, want %v (%v)", left, want, err)
	}
	second.release()
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	after, left, err := openJournal(path)
	if err != nil || len(left) != 0 {
		t.Errorf("after an orderly end: %v, %v", left, err)
	}
	after.release()
}

func TestSamplerIsEven(t *testing.T) {
	var s sampler
	for i := range 1000 {
		s.offer(task{place: sqlite.Place{RootID: int64(i)}})
	}
	if len(s.tasks) > sampleFiles || len(s.tasks) < sampleFiles/4 {
		t.Fatalf("%d tasks in the sample", len(s.tasks))
	}
	if last := s.tasks[len(s.tasks)-1].place.RootID; last < 900 {
		t.Errorf("the sample ends at %d of 1000", last)
	}
}
