package cmd

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func unit(r *rand.Rand, dim int) []float32 {
	v := make([]float32, dim)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	scale(v, 1/length(v))
	return v
}

// TestRclipsOrder: weighted and signed queries put pictures into rclip's order. Its arithmetic (rclip 3.3.0, model.py,
// compute_similarities_to_text) is the sum of weight times unit vector of the texts and pictures that are added, less the same of
// those that are subtracted, times the pictures' unit vectors.
func TestRclipsOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const dim, n, top, queries = 512, 5000, 50, 20
	photos := make([][]float32, n)
	for i := range photos {
		photos[i] = unit(r, dim)
	}
	weights := []float64{1, 0.5, 2, 1, 0.25}
	for q := range queries {
		var terms []queryTerm
		sum := make([]float64, dim) // rclip's, which is not scaled
		for i := range 2 + q%4 {
			w := weights[(q+i)%len(weights)]
			if i > 0 && (q+i)%3 == 0 {
				w = -w
			}
			v := unit(r, dim)
			terms = append(terms, queryTerm{weight: w, value: "t", vectors: [][]float32{v}})
			for d, x := range v {
				sum[d] += w * float64(x)
			}
		}
		vector, norm, err := combine(terms)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(length(vector)-1) > 1e-5 {
			t.Errorf("length %v", length(vector))
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
		ours := order(func(p []float32) float64 { return dot(vector, p) })
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
		// What the terms contribute is the score.
		total := 0.0
		for _, c := range contributions(terms, norm, photos[0]) {
			total += c.Contribution
		}
		if math.Abs(total-dot(vector, photos[0])) > 1e-5 {
			t.Errorf("contributions %v, score %v", total, dot(vector, photos[0]))
		}
	}
}

func dot(a, b []float32) float64 {
	s := 0.0
	for i := range a {
		s += float64(a[i]) * float64(b[i])
	}
	return s
}

func TestWeights(t *testing.T) {
	for text, want := range map[string]struct {
		weight float64
		rest   string
	}{
		"sunset": {1, "sunset"}, "0.5:sunset": {0.5, "sunset"}, ".5:sunset": {0.5, "sunset"}, "2.:a b": {2, "a b"}, "3:1:2": {3, "1:2"},
		"-1:sunset": {1, "-1:sunset"}, "at 10:30": {1, "at 10:30"}, ":x": {1, ":x"}, "5:": {1, "5:"}, "1e3:x": {1, "1e3:x"},
	} {
		if w, rest := parseWeight(text); w != want.weight || rest != want.rest {
			t.Errorf("%q: %v, %q", text, w, rest)
		}
	}
}

// TestPeriods: times as people give them, on Wednesday, 25 November 2026.
func TestPeriods(t *testing.T) {
	now := time.Date(2026, 11, 25, 15, 30, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"2023":                 "2023-01-01T00:00:00 2024-01-01T00:00:00",
		"2023-07":              "2023-07-01T00:00:00 2023-08-01T00:00:00",
		"2024-02-29":           "2024-02-29T00:00:00 2024-03-01T00:00:00",
		"2023-07-14 18:30":     "2023-07-14T18:30:00 2023-07-14T18:31:00",
		"2023-07-14T18:30:05":  "2023-07-14T18:30:05 2023-07-14T18:30:06",
		"today":                "2026-11-25T00:00:00 2026-11-26T00:00:00",
		"Yesterday":            "2026-11-24T00:00:00 2026-11-25T00:00:00",
		"this week":            "2026-11-23T00:00:00 2026-11-30T00:00:00",
		"last week":            "2026-11-16T00:00:00 2026-11-23T00:00:00",
		"last  month":          "2026-10-01T00:00:00 2026-11-01T00:00:00",
		"this year":            "2026-01-01T00:00:00 2027-01-01T00:00:00",
		"10 days ago":          "2026-11-15T00:00:00 2026-11-16T00:00:00",
		"1 year ago":           "2025-11-25T00:00:00 2025-11-26T00:00:00",
		"2023-06..2023-08":     "2023-06-01T00:00:00 2023-09-01T00:00:00",
		"..2023":               "0001-01-01T00:00:00 2024-01-01T00:00:00",
		"last year..yesterday": "2025-01-01T00:00:00 2026-11-25T00:00:00",
	} {
		from, to, err := parsePeriod(text, now)
		const layout = "2006-01-02T15:04:05"
		if got := from.Format(layout) + " " + to.Format(layout); err != nil || got != want {
			t.Errorf("%q: %s, %v, want %s", text, got, err, want)
		}
	}
	if from, _, err := parsePeriod("1 month ago", time.Date(2026, 3, 31, 9, 0, 0, 0, time.UTC)); err != nil || from.Format("2006-01-02") != "2026-02-28" {
		t.Errorf("a month before 31 March: %v, %v", from, err)
	}
	for _, text := range []string{"", "..", "soon", "2023-13", "2023-02-30", "last century", "x days ago", "-3 days ago", "2024..2023", "2023-7"} {
		if from, to, err := parsePeriod(text, now); err == nil {
			t.Errorf("%q: %v %v", text, from, to)
		}
	}
}

func TestRanges(t *testing.T) {
	for text, want := range map[string][2]float64{"3..5": {3, 5}, "3..": {3, -1}, "..5": {-1, 5}, "3": {3, 3}, " 1.5 .. 2 ": {1.5, 2}} {
		r, err := parseRange(text)
		low, high := -1.0, -1.0
		if r.Min != nil {
			low = *r.Min
		}
		if r.Max != nil {
			high = *r.Max
		}
		if err != nil || low != want[0] || high != want[1] {
			t.Errorf("%q: %v, %v, %v", text, low, high, err)
		}
	}
	for _, text := range []string{"", "..", "5..3", "x", "-1", "1..2..3", "NaN", "inf"} {
		if r, err := parseRange(text); err == nil {
			t.Errorf("%q: %+v", text, r)
		}
	}
}

// TestNear: distances, and a box that never cuts off what is near.
func TestNear(t *testing.T) {
	// Paris to London: 343.5 km (great circle between 48.8566 N 2.3522 E and 51.5074 N 0.1278 W).
	if d := distance(48.8566, 2.3522, 51.5074, -0.1278); math.Abs(d-343_500) > 1000 {
		t.Errorf("Paris to London: %.0f m", d)
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		q := filterFlags{radius: []string{"500m", "10km", "300mi", "9000km"}[r.IntN(4)]}
		lat, lon := r.Float64()*180-90, r.Float64()*360-180
		q.near = fmt.Sprintf("%v,%v", lat, lon)
		filter, err := q.parse(time.Now())
		if err != nil {
			t.Fatal(err)
		}
		f := filter.Query
		metres, err := parseDistance(q.radius)
		if err != nil {
			t.Fatal(err)
		}
		// A place at a random distance and direction.
		at := metres * r.Float64() * 1.2 / earthRadius
		dir := r.Float64() * 2 * math.Pi
		const rad = math.Pi / 180
		lat2 := math.Asin(math.Sin(lat*rad)*math.Cos(at) + math.Cos(lat*rad)*math.Sin(at)*math.Cos(dir))
		lon2 := lon*rad + math.Atan2(math.Sin(dir)*math.Sin(at)*math.Cos(lat*rad), math.Cos(at)-math.Sin(lat*rad)*math.Sin(lat2))
		lat2, lon2 = lat2/rad, wrap(lon2/rad)
		near := distance(lat, lon, lat2, lon2) <= metres*0.9999
		inBox := lat2 >= f.South && lat2 <= f.North && (f.West <= f.East && lon2 >= f.West && lon2 <= f.East || f.West > f.East && (lon2 >= f.West || lon2 <= f.East))
		if near && (!f.Where(lat2, lon2) || !inBox) {
			t.Fatalf("%s, %s: %v,%v is near, in the box: %v (%v to %v, %v to %v)", q.near, q.radius, lat2, lon2, inBox, f.South, f.North, f.West, f.East)
		}
	}
	for text, want := range map[string]float64{"500m": 500, "10km": 10_000, "10": 10_000, "1.5 km": 1500, "1mi": 1609.344, "100ft": 30.48} {
		if got, err := parseDistance(text); err != nil || math.Abs(got-want) > 1e-6 {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "far", "-1km", "0m", "1e400km", "3 parsecs", "m"} {
		if got, err := parseDistance(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}
