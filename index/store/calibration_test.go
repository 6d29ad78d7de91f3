package store_test

import (
	"math"
	"testing"

	"github.com/imgsearch/imgsearch/index/store"
)

// TestVerdict: the formula applies within the measured range of picture counts; outside it, each verdict is more cautious.
func TestVerdict(t *testing.T) {
	c := store.Calibration{Base: 0.36, PerDoubling: 0.022, NothingBelow: 0.06, FoundAbove: 0.04, PicturesMin: 100, PicturesMax: 1000}
	at100 := 0.36 + 0.022*math.Log2(0.1)
	at16000 := 0.36 + 0.022*4
	for pictures, want := range map[int]float64{0: at100, 10: at100, 100: at100, 500: 0.36 - 0.022, 1000: 0.36, 16000: at16000} {
		if got := c.Threshold(pictures); math.Abs(got-want) > 1e-9 {
			t.Errorf("the threshold among %d pictures is %v, want %v", pictures, got, want)
		}
	}
	for _, v := range []struct {
		best     float64
		pictures int
		want     store.Verdict
	}{
		{0.29, 1000, store.Nothing}, {0.31, 1000, store.Uncertain}, {0.39, 1000, store.Uncertain}, {0.41, 1000, store.Found},
		{at100 - 0.07, 3, store.Nothing}, {at100 + 0.05, 3, store.Found},
		{0.31, 16000, store.Uncertain}, {0.29, 16000, store.Nothing}, {0.45, 16000, store.Uncertain}, {at16000 + 0.05, 16000, store.Found},
		{math.Inf(-1), 0, store.Nothing},
	} {
		if got := c.Verdict(v.best, v.pictures); got != v.want {
			t.Errorf("a best of %v among %d: %s, want %s", v.best, v.pictures, got, v.want)
		}
	}
}

// TestShare: a bin ends where the next one starts.
func TestShare(t *testing.T) {
	c := &store.Calibration{Bins: []store.ScoreBin{{From: -1, Share: 0}, {From: 0.3, Share: 0.2}, {From: 0.5, Share: 0.8}}}
	for score, want := range map[float64]float64{-0.5: 0, 0.29: 0, 0.3: 0.2, 0.49: 0.2, 0.9: 0.8} {
		if got, ok := c.Share(score); !ok || got != want {
			t.Errorf("%v: %v, %v, want %v", score, got, ok, want)
		}
	}
	for _, c := range []*store.Calibration{nil, {}} {
		if _, ok := c.Share(0.5); ok {
			t.Error("nobody measured it")
		}
	}
}
