package query

import (
	"context"
	"math"

	"github.com/imgsearch/imgsearch/index/store"
)

// list answers a request without terms: it lists the pictures that match the filter.
func (e *Engine) list(ctx context.Context, r Request, look *lookup, a *Response) error {
	if err := e.listHits(ctx, r, look, a); err != nil {
		return err
	}
	return e.addTexts(ctx, r, textRanks{}, a.Hits)
}

func (e *Engine) listHits(ctx context.Context, r Request, look *lookup, a *Response) (err error) {
	if r.Order == "" || r.Order == store.ByScore {
		r.Order = store.ByDate
	}
	if a.Searched, err = e.store.Count(ctx, look.filter); err != nil {
		return err
	}
	if r.Among != nil {
		a.Searched += len(r.Among.Others)
		return e.listAmong(ctx, r, look, a)
	}
	if r.Missing != DropMissing {
		if a.Hits, err = e.listed(ctx, r, look, r.Offset, r.Limit); err != nil {
			return err
		}
		if r.Missing == MarkMissing {
			markMissing(ctx, a.Hits)
		}
		return nil
	}
	last := r.Offset + r.Limit
	for at, n := 0, listAhead+last; len(a.Hits) < last; at, n = at+n, n*listMore {
		ids, err := e.store.List(ctx, store.ListQuery{Filter: look.filter, Order: r.Order, Offset: at, Limit: n})
		if err != nil {
			return err
		}
		if err := e.listPresent(ctx, look, ids, last, a); err != nil {
			return err
		}
		if len(ids) < n {
			break
		}
	}
	a.Hits = page(a.Hits, r.Offset, r.Limit)
	return nil
}

// listAhead is the number of extra pictures to request when some may be missing.
const listAhead = 256

// listMore is the factor by which the number of requested pictures grows. It is large because the store sorts the whole list by path each time.
const listMore = 16

// listPresent adds pictures whose files exist until there are enough. It looks them up only as needed.
func (e *Engine) listPresent(ctx context.Context, look *lookup, ids []store.PictureID, enough int, a *Response) error {
	for len(ids) > 0 && len(a.Hits) < enough {
		block := ids[:min(max(presentBlock, enough-len(a.Hits)), len(ids))]
		ids = ids[len(block):]
		hits, err := look.hits(ctx, block)
		if err != nil {
			return err
		}
		a.Hits = append(a.Hits, present(ctx, hits, enough-len(a.Hits), func(Hit) {})...)
	}
	return nil
}

func (e *Engine) listed(ctx context.Context, r Request, look *lookup, offset, limit int) ([]Hit, error) {
	ids, err := e.store.List(ctx, store.ListQuery{Filter: look.filter, Order: r.Order, Offset: offset, Limit: limit})
	if err != nil {
		return nil, err
	}
	return look.hits(ctx, ids)
}

// listAmong lists the files of Among. The paths in that list determine the order, not the paths in the index.
func (e *Engine) listAmong(ctx context.Context, r Request, look *lookup, a *Response) (err error) {
	if a.Hits, err = e.listed(ctx, r, look, 0, math.MaxInt32); err != nil {
		return err
	}
	for _, o := range r.Among.Others {
		a.Hits = append(a.Hits, o.hit())
	}
	if len(r.Among.Others) > 0 || r.Order == store.ByPath {
		arrange(a.Hits, r.Order)
	}
	if r.Missing == DropMissing {
		a.Hits = present(ctx, a.Hits, r.Offset+r.Limit, func(Hit) {})
	}
	a.Hits = page(a.Hits, r.Offset, r.Limit)
	if r.Missing == MarkMissing {
		markMissing(ctx, a.Hits)
	}
	return nil
}
