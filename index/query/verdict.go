package query

import (
	"math"

	"github.com/imgsearch/imgsearch/index/store"
)

// IsPlain reports whether a query is of the kind that calibrations are measured with: a single text, as it is.
func IsPlain(terms []Term) bool {
	return len(terms) == 1 && terms[0].Weight == 1 && len(terms[0].Texts) == 1 && !terms[0].Prompted
}

// least is the score below which nothing is a hit, among so many pictures.
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

// judge finds the best score among the nearest pictures and the others, those that are excluded left out, and what it means.
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
