package store

import "math"

// Calibration describes what a model's scores mean: how high the best cosine must be for the pictures to contain what a text describes.
// It applies to queries of a single text.
type Calibration struct {
	// Base is the threshold for 1,000 pictures; PerDoubling is its increase each time the number of pictures doubles,
	// since the best score among unrelated pictures grows with their number.
	Base        float64 `json:"base"`
	PerDoubling float64 `json:"per_doubling"`
	// NothingBelow and FoundAbove are distances from the threshold: below the first nothing matches, above the second something does.
	NothingBelow float64 `json:"nothing_below"`
	FoundAbove   float64 `json:"found_above"`
	// PicturesMin and PicturesMax are the range of picture counts for which this was measured.
	PicturesMin int `json:"pictures_min"`
	PicturesMax int `json:"pictures_max"`
	// Bins are the shares of correct hits by score, lowest score first; empty if this was not measured.
	Bins []ScoreBin `json:"bins,omitempty"`
}

// ScoreBin is a range of scores that ends where the next bin starts.
type ScoreBin struct {
	From float64 `json:"from"`
	// Share is the share of hits in the range that are correct, 0 to 1.
	Share float64 `json:"share"`
}

// baseline is the number of pictures for which Calibration.Base is the threshold.
const baseline = 1000

// at returns the formula's threshold for a number of pictures.
func (c *Calibration) at(pictures int) float64 {
	return c.Base + c.PerDoubling*math.Log2(float64(pictures)/baseline)
}

// Threshold returns the cosine that separates matches from non-matches among this many pictures.
func (c *Calibration) Threshold(pictures int) float64 { return c.at(max(pictures, c.PicturesMin)) }

// Verdict judges the best cosine among this many pictures. If there are more pictures than were measured,
// Nothing is judged by the threshold for the largest measured number and Found by the formula: both choices are cautious.
func (c *Calibration) Verdict(best float64, pictures int) Verdict {
	measured := min(max(pictures, c.PicturesMin), c.PicturesMax)
	switch {
	case best < c.at(measured)-c.NothingBelow:
		return Nothing
	case best > c.Threshold(pictures)+c.FoundAbove:
		return Found
	}
	return Uncertain
}

// Share returns the share of hits with this score that are correct; ok is false if it was not measured.
func (c *Calibration) Share(score float64) (share float64, ok bool) {
	if c == nil || len(c.Bins) == 0 {
		return 0, false
	}
	for _, b := range c.Bins {
		if score >= b.From {
			share = b.Share
		}
	}
	return share, true
}

// Verdict reports whether a query's best hit matches the query. The zero value means unknown.
type Verdict string

// The verdicts.
const (
	Found     Verdict = "found"
	Uncertain Verdict = "uncertain"
	Nothing   Verdict = "nothing"
)
