package calibrate

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/imgsearch/imgsearch/index/store"
)

var (
	// ErrFew means too few queries or pictures for a calibration.
	ErrFew = errors.New("not enough for a calibration")
	// ErrInseparable means that the scores do not separate present from absent queries.
	ErrInseparable = errors.New("the scores do not separate present from absent queries")
)

// The targets of a calibration: how often the verdict "nothing" may be wrong for present queries, and "found" for absent ones. The best
// cosines of each kind are taken as normally distributed or as they are, whichever is more cautious.
const (
	wrongNothing = 0.03
	wrongFound   = 0.07
	// worstError is the share of wrong answers, at the threshold, above which a verdict is worse than none.
	worstError = 0.35
)

// normal is a distribution of best cosines.
type normal struct{ mean, deviation float64 }

// quantile is the value below which a share of the distribution lies.
func (d normal) quantile(share float64) float64 {
	return d.mean + d.deviation*math.Sqrt2*math.Erfinv(2*share-1)
}

// bests returns the best cosines of the queries of a kind that are in use, lowest first.
func (s *Sample) bests(present bool, use func(query int) bool) (list []float64) {
	for q, query := range s.queries {
		if query.Present == present && use(q) {
			list = append(list, s.best(q))
		}
	}
	slices.Sort(list)
	return list
}

// spread returns the normal distribution of at least two values.
func spread(values []float64) (d normal) {
	n := float64(len(values))
	for _, v := range values {
		d.mean += v / n
	}
	for _, v := range values {
		d.deviation += (v - d.mean) * (v - d.mean) / (n - 1)
	}
	d.deviation = math.Sqrt(d.deviation)
	return d
}

// quantile is the value below which a share of sorted values lies, interpolated.
func quantile(sorted []float64, share float64) float64 {
	at := share * float64(len(sorted)-1)
	low := int(at)
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (at-float64(low))*(sorted[high]-sorted[low])
}

// slope returns how much an absent query's best cosine grows each time the pictures double: the least-squares line through the levels,
// each half the size of the one before. Present queries do not count, since a part may lack the picture that they mean.
func (s *Sample) slope(use func(query int) bool) float64 {
	levels := len(s.levels)
	means := make([]float64, levels)
	n := 0
	for q, query := range s.queries {
		if query.Present || !use(q) {
			continue
		}
		n++
		for l := range means {
			means[l] += s.bestAt(l, q)
		}
	}
	center := float64(levels-1) / 2
	var products, squares float64
	for l, sum := range means {
		x := center - float64(l) // doublings
		products += x * sum / float64(max(n, 1))
		squares += x * x
	}
	if squares == 0 {
		return 0
	}
	return max(products/squares, 0)
}

// Fit finds the constants.
func (s *Sample) Fit() (store.Calibration, error) { return s.fit(func(int) bool { return true }) }

func (s *Sample) fit(use func(query int) bool) (c store.Calibration, err error) {
	absents, presents := s.bests(false, use), s.bests(true, use)
	switch {
	case s.pictures < LeastPictures:
		return c, fmt.Errorf("%w: %d pictures, at least %d are required", ErrFew, s.pictures, LeastPictures)
	case len(absents) < 2 || len(presents) < 2:
		return c, fmt.Errorf("%w: %d absent and %d present queries", ErrFew, len(absents), len(presents))
	}
	absent, present := spread(absents), spread(presents)
	both := absent.deviation + present.deviation
	// The threshold lies as many standard deviations above the mean of the absent as below that of the present.
	threshold := (present.mean + absent.mean) / 2
	if both > 0 {
		threshold = (present.mean*absent.deviation + absent.mean*present.deviation) / both
	}
	if apart := present.mean - absent.mean; apart <= 0 || both > 0 && errorAbove(apart/both) > worstError {
		return c, ErrInseparable
	}
	c = store.Calibration{
		PerDoubling:  s.slope(use),
		NothingBelow: max(threshold-min(present.quantile(wrongNothing), quantile(presents, wrongNothing)), 0),
		FoundAbove:   max(max(absent.quantile(1-wrongFound), quantile(absents, 1-wrongFound))-threshold, 0),
		PicturesMin:  min(LeastPictures, s.pictures), PicturesMax: s.pictures,
	}
	c.Base = threshold - c.PerDoubling*math.Log2(float64(s.pictures)/1000)
	return c, nil
}

// errorAbove is the share of a normal distribution that lies more than z standard deviations above its mean.
func errorAbove(z float64) float64 { return math.Erfc(z/math.Sqrt2) / 2 }
