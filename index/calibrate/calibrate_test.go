package calibrate

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/vec"
)

func TestReadQueries(t *testing.T) {
	got, err := ReadQueries(strings.NewReader("# a remark\n\nkind\tquery\r\n# another\nabsent\ttaj mahal\r\npresent\t dog on beach"))
	if err != nil || len(got) != 2 || got[0] != (Query{"taj mahal", false}) || got[1] != (Query{"dog on beach", true}) {
		t.Errorf("%+v, %v", got, err)
	}
	for list, want := range map[string]string{
		"absent\tx\nnone\ty":            "line 2",
		"absent x":                      "line 1",
		"absent\t ":                     "line 1",
		"absent\tx\nkind\tquery":        "line 2",
		"absent\tx\npresent\tx":         "line 2 repeats line 1",
		"absent\t\xff":                  "not UTF-8",
		strings.Repeat("x", maxLine+10): "more than",
	} {
		if _, err := ReadQueries(strings.NewReader(list)); !errors.Is(err, ErrQueries) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v", list, err)
		}
	}
}

const testDim = 64

func direction(r *rand.Rand) []float32 {
	v := make([]float32, testDim)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	vec.Scale(v, 1/vec.Length(v))
	return v
}

// sample returns a sample of pictures in random directions. A present query is near one of them, the nearer the greater strength is; an absent one is near none.
func sample(pictures, queries int, strength float64) *Sample {
	r := rand.New(rand.NewPCG(1, 2))
	shown := make([][]float32, pictures)
	for i := range shown {
		shown[i] = direction(r)
	}
	var list []Query
	var vectors [][]float32
	for i := range queries {
		v := direction(r)
		present := i%2 == 0
		if present {
			for d := range v {
				v[d] += float32(strength * (0.7 + 0.6*r.Float64()) * float64(shown[i][d]))
			}
			v = v[:testDim:testDim]
			vec.Scale(v, 1/vec.Length(v))
		}
		list, vectors = append(list, Query{fmt.Sprint(i), present}), append(vectors, v)
	}
	s := NewSample(list, vectors, pictures)
	for i, v := range shown {
		s.Add(store.Vector{Picture: sha256.Sum256(fmt.Append(nil, i)), Data: vec.Pack(v)})
	}
	return s
}

// TestFit: the constants separate the queries, and the threshold grows with the number of pictures as the best cosine of unrelated vectors does.
func TestFit(t *testing.T) {
	s := sample(2000, 200, 1.2)
	c, err := s.Fit()
	if err != nil {
		t.Fatal(err)
	}
	if s.Pictures() != 2000 || c.PicturesMax != 2000 || c.PicturesMin != LeastPictures {
		t.Errorf("%+v", c)
	}
	rates, err := s.CrossValidate()
	if err != nil || rates.FalseAlarms > 0.1 || rates.Misses > 0.1 || rates.Absent.Found > 0.1 || rates.Present.Nothing > 0.06 {
		t.Errorf("%+v, %v", rates, err)
	}
	for _, v := range []Verdicts{rates.Absent, rates.Present} {
		if sum := v.Found + v.Uncertain + v.Nothing; math.Abs(sum-1) > 1e-9 {
			t.Errorf("the shares are %v together", sum)
		}
	}
	// The cosine of random directions has a standard deviation of 1/sqrt(dim), and the greatest of n normal values lies near
	// sqrt(2 ln n) deviations: from 1,000 to 2,000 that grows by 0.18.
	want := (math.Sqrt(2*math.Log(2000)) - math.Sqrt(2*math.Log(1000))) / math.Sqrt(testDim)
	if c.PerDoubling < 0.75*want || c.PerDoubling > 1.5*want {
		t.Errorf("%v a doubling, of random directions %v", c.PerDoubling, want)
	}
}

// TestNothingToFit: queries that cannot be separated, or too few queries or pictures, give no constants.
func TestNothingToFit(t *testing.T) {
	if _, err := sample(1000, 200, 0).Fit(); !errors.Is(err, ErrInseparable) {
		t.Errorf("all are absent: %v", err)
	}
	if _, err := sample(LeastPictures-1, 60, 1.2).Fit(); !errors.Is(err, ErrFew) {
		t.Errorf("too few pictures: %v", err)
	}
	if _, err := sample(1000, 2*LeastQueries-2, 1.2).CrossValidate(); !errors.Is(err, ErrFew) {
		t.Errorf("too few queries: %v", err)
	}
}
