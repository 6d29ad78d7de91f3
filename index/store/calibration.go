package store

import "math"

// Calibration says what a model's scores mean: from which best cosine on a text names something that is among the pictures. It holds
// for queries of one text.
type Calibration struct {
	// Base is the threshold at 1,000 pictures; PerDoubling is by how much it grows each time the pictures double, since the best of more
	// strangers scores higher.
	Base        float64 `json:"base"`
	PerDoubling float64 `json:"per_doubling"`
	// NothingBelow and FoundAbove are the distances from the threshold below which nothing fits and above which something does.
	NothingBelow float64 `json:"nothing_below"`
	FoundAbove   float64 `json:"found_above"`
	// PicturesMin and PicturesMax are the numbers of pictures between which this was measured.
	PicturesMin int `json:"pictures_min"`
	PicturesMax int `json:"pictures_max"`
	// Bins say how many of the hits with a score fit, by the score from which they go on, lowest first; none: it was not measured.
	Bins []ScoreBin `json:"bins,omitempty"`
}

// ScoreBin is a range of scores, which ends where the next one begins.
type ScoreBin struct {
	From float64 `json:"from"`
	// Share is the share of the hits in it that fit, 0 to 1.
	Share float64 `json:"share"`
}

// baseline is the number of pictures at which Calibration.Base holds.
const baseline = 1000

// at is the formula's threshold for a number of pictures.
func (c *Calibration) at(pictures int) float64 {
	return c.Base + c.PerDoubling*math.Log2(float64(pictures)/baseline)
}

// Threshold is the cosine that tells what is there from what is not, among so many pictures.
func (c *Calibration) Threshold(pictures int) float64 { return c.at(max(pictures, c.PicturesMin)) }

// Verdict judges the best cosine among so many pictures. Where more pictures are searched than were measured, the claim that nothing
// is there goes by the largest number that was measured, and the claim that something is by the formula: both are the cautious side.
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

// Share is the share of the hits with a score that fit; ok is false where it was not measured.
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

// Verdict says whether a query's best hit is what was asked for. The zero value: nobody can say.
type Verdict string

// The verdicts.
const (
	Found     Verdict = "found"
	Uncertain Verdict = "uncertain"
	Nothing   Verdict = "nothing"
)
