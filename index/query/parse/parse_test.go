package parse

import (
	"math"
	"testing"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
)

func TestWeights(t *testing.T) {
	for text, want := range map[string]struct {
		weight float64
		rest   string
	}{
		"sunset": {1, "sunset"}, "0.5:sunset": {0.5, "sunset"}, ".5:sunset": {0.5, "sunset"}, "2.:a b": {2, "a b"}, "3:1:2": {3, "1:2"},
		"-1:sunset": {1, "-1:sunset"}, "at 10:30": {1, "at 10:30"}, ":x": {1, ":x"}, "5:": {1, "5:"}, "1e3:x": {1, "1e3:x"},
	} {
		if w, rest := Weight(text); w != want.weight || rest != want.rest {
			t.Errorf("%q: %v, %q", text, w, rest)
		}
	}
}

// TestPeriods parses dates and periods as of Wednesday, 25 November 2026.
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
		from, to, err := Period(text, now)
		const layout = "2006-01-02T15:04:05"
		if got := from.Format(layout) + " " + to.Format(layout); err != nil || got != want {
			t.Errorf("%q: %s, %v, want %s", text, got, err, want)
		}
	}
	if from, _, err := Period("1 month ago", time.Date(2026, 3, 31, 9, 0, 0, 0, time.UTC)); err != nil || from.Format("2006-01-02") != "2026-02-28" {
		t.Errorf("a month before 31 March: %v, %v", from, err)
	}
	for _, text := range []string{"", "..", "soon", "2023-13", "2023-02-30", "last century", "x days ago", "-3 days ago", "2024..2023", "2023-7"} {
		if from, to, err := Period(text, now); err == nil {
			t.Errorf("%q: %v %v", text, from, to)
		}
	}
}

func TestRanges(t *testing.T) {
	for text, want := range map[string][2]float64{"3..5": {3, 5}, "3..": {3, -1}, "..5": {-1, 5}, "3": {3, 3}, " 1.5 .. 2 ": {1.5, 2}} {
		r, err := Range(text)
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
		if r, err := Range(text); err == nil {
			t.Errorf("%q: %+v", text, r)
		}
	}
}

// TestNear: what --near and --radius select.
func TestNear(t *testing.T) {
	for radius, metres := range map[string]float64{"": 10_000, "500m": 500, "10km": 10_000, "10": 10_000, "1.5 km": 1500, "1mi": 1609.344, "100ft": 30.48} {
		f, err := Filter(Values{"near": {"48.8,-2.3"}, "radius": {radius}}, Options{})
		if err != nil || f.Near == nil || math.Abs(f.Near.Radius-metres) > 1e-6 || f.Near.Centre != (store.Position{Latitude: 48.8, Longitude: -2.3}) {
			t.Errorf("%q: %+v, %v", radius, f.Near, err)
		}
	}
	for _, text := range []string{"far", "-1km", "0m", "1e400km", "3 parsecs", "m"} {
		if got, err := Distance(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
	for _, near := range []string{"48", "91,0", "0,181", "x,y", "NaN,0"} {
		if f, err := Filter(Values{"near": {near}}, Options{}); err == nil {
			t.Errorf("--near %q: %+v", near, f.Near)
		}
	}
}
