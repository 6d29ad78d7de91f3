package query

import (
	"math"

	"github.com/imgsearch/imgsearch/index/store"
)

// IsPlain reports whether a query is of the kind that calibrations are measured with: a single text without weight or template.
func IsPlain(terms []Term) bool {
	return len(terms) == 1 && terms[0].Weight == 1 && len(terms[0].Texts) == 1 && !terms[0].Prompted
}

// least returns the minimum score of a hit among this many pictures.
func (r *Request) least(c *store.Calibration, pictures int) float64 {
	least := math.Inf(-1)
	if r.MinScore != nil {
		least = *r.MinScore
	}
	if r.Confident {
		least = max(least, c.Threshold(pictures))
	}
	return least
}

// judge sets the best score among the nearest pictures and the others, without the excluded ones, and its verdict.
func (r *Request) judge(a *Response, nearest []store.Scored, others []Hit, exclude map[store.PictureID]bool) {
	a.Best = math.Inf(-1)
	for _, n := range nearest {
		if !exclude[n.Picture] {
			a.Best = n.Score // the first is the best
			break
		}
	}
	for _, o := range others {
		if !exclude[o.ID] {
			a.Best = max(a.Best, o.Score)
		}
	}
	if a.Calibration == nil || !IsPlain(r.Terms) {
		return
	}
	pictures := a.Searched + len(others)
	threshold := a.Calibration.Threshold(pictures)
	a.Threshold, a.Verdict = &threshold, a.Calibration.Verdict(a.Best, pictures)
}
