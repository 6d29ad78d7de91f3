package query

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/vec"
)

// more is the factor by which the number of requested pictures grows while too many files are missing.
const more = 4

// rank answers a request with terms. Their vectors must all be known.
func (e *Engine) rank(ctx context.Context, r Request, look *lookup, a *Response) error {
	vector, norm, err := combine(r.Terms)
	if err != nil {
		return err
	}
	exclude := make(map[store.PictureID]bool)
	for _, t := range r.Terms {
		if t.Indexed != nil {
			exclude[*t.Indexed] = true
		}
	}
	last := r.Offset + r.Limit
	best := math.Inf(-1) // including pictures whose files are gone
	others := r.scoreOthers(vector)
	texts, err := e.textRanks(ctx, r, look)
	if err != nil {
		return err
	}
	for want := last + len(exclude); ; want *= more {
		n, err := e.store.Nearest(ctx, store.NearestQuery{Model: a.Model.Identity, Vector: vector, Filter: look.filter, Limit: want, Also: texts.ids, Exact: r.Exact, OneShot: r.OneShot})
		if err != nil {
			return err
		}
		if n.Damaged {
			a.Notices = append(slices.Clip(a.Notices), VectorFileDamaged{a.Model.Name})
		}
		if n.IndexDamaged {
			a.Notices = append(slices.Clip(a.Notices), VectorsDamaged{a.Model.Name})
		}
		a.Searched = n.Searched
		least := r.least(a.Calibration, n.Searched+len(others))
		wanted := slices.DeleteFunc(texts.join(n), func(s store.Scored) bool { return exclude[s.Picture] || s.Score < least && !texts.has(s.Picture) })
		if a.Hits, err = e.scored(ctx, look, wanted); err != nil {
			return err
		}
		a.Hits = append(a.Hits, slices.DeleteFunc(slices.Clone(others), func(h Hit) bool { return h.Score < least })...)
		slices.SortFunc(a.Hits, func(a, b Hit) int { return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Path, b.Path)) })
		if len(a.Hits) > 0 {
			best = max(best, a.Hits[0].Score)
		}
		rate(a.Hits, best, n.Mean)
		texts.fuse(a.Hits, n)
		if r.Missing == DropMissing {
			a.Hits = present(ctx, a.Hits, last, func(h Hit) {
				exclude[h.ID] = true
				a.Gone++
			})
		}
		r.judge(a, n.Hits, others, exclude)
		if a.Verdict != "" && slices.ContainsFunc(a.Hits, func(h Hit) bool { return texts.has(h.ID) }) {
			a.Verdict = store.Found
		}
		if len(a.Hits) >= last || len(n.Hits) < want || n.Hits[len(n.Hits)-1].Score < least {
			break
		}
	}
	a.Hits = page(a.Hits, r.Offset, r.Limit)
	if r.Missing == MarkMissing {
		markMissing(ctx, a.Hits)
	}
	arrange(a.Hits, r.Order)
	if err := e.addTexts(ctx, r, texts, a.Hits); err != nil {
		return err
	}
	if r.Explain {
		return e.explain(ctx, r, a, norm)
	}
	return nil
}

// scored looks up the hits for pictures with scores.
func (e *Engine) scored(ctx context.Context, look *lookup, list []store.Scored) ([]Hit, error) {
	ids := make([]store.PictureID, len(list))
	scores := make(map[store.PictureID]float64, len(list))
	for i, s := range list {
		ids[i], scores[s.Picture] = s.Picture, s.Score
	}
	hits, err := look.hits(ctx, ids)
	for i := range hits {
		hits[i].Score = scores[hits[i].ID]
	}
	return hits, err
}

// scoreOthers returns the pictures of Among.Others with their scores.
func (r *Request) scoreOthers(query []float32) (hits []Hit) {
	if r.Among == nil {
		return nil
	}
	for _, o := range r.Among.Others {
		if o.Vector == nil {
			continue
		}
		h := o.hit()
		h.Score = vec.Dot(o.Vector, query)
		hits = append(hits, h)
	}
	return hits
}

// rate sets the relative scores of hits, from 0 for the mean score of all pictures to 1 for the best score.
func rate(hits []Hit, best, mean float64) {
	for i := range hits {
		if span := best - mean; span > 0 {
			hits[i].Relative = (hits[i].Score - mean) / span
		} else {
			hits[i].Relative = 1
		}
	}
}

// page returns the hits selected by offset and limit.
func page(hits []Hit, offset, limit int) []Hit {
	hits = hits[min(offset, len(hits)):]
	return hits[:min(limit, len(hits))]
}

// arrange sorts hits, which are already sorted by score.
func arrange(hits []Hit, order store.Order) {
	switch order {
	case store.ByDate:
		slices.SortStableFunc(hits, func(a, b Hit) int { return cmp.Or(-cmp.Compare(a.TakenAt, b.TakenAt), cmp.Compare(a.Path, b.Path)) })
	case store.ByPath:
		slices.SortStableFunc(hits, func(a, b Hit) int { return cmp.Compare(a.Path, b.Path) })
	case store.ByScore:
	}
}

// explain fills in the terms' contributions to the hits.
func (e *Engine) explain(ctx context.Context, r Request, a *Response, norm float64) error {
	ids := make([]store.PictureID, len(a.Hits))
	for i, h := range a.Hits {
		ids[i] = h.ID
	}
	vectors, err := e.store.Vectors(ctx, a.Model.Identity, ids)
	if err != nil {
		return err
	}
	if r.Among != nil {
		for _, o := range r.Among.Others {
			if o.Vector != nil {
				vectors[o.Record.ID] = o.Vector
			}
		}
	}
	for i, h := range a.Hits {
		if v, ok := vectors[h.ID]; ok {
			a.Hits[i].Contributions = contributions(r.Terms, norm, v)
		}
	}
	return nil
}
