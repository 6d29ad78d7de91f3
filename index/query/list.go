package query

import (
	"context"
	"math"

	"github.com/imgsearch/imgsearch/index/store"
)

// list answers a request without terms: what the filter selects.
func (e *Engine) list(ctx context.Context, r Request, look *lookup, a *Response) (err error) {
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
	for at, n := 0, max(dropBlock, last); len(a.Hits) < last; at, n = at+n, n*2 {
		hits, err := e.listed(ctx, r, look, at, n)
		if err != nil {
			return err
		}
		a.Hits = append(a.Hits, present(ctx, hits)...)
		if len(hits) == 0 {
			break
		}
	}
	a.Hits = page(a.Hits, r.Offset, r.Limit)
	return nil
}

// dropBlock is how many pictures are looked up at least to see whether their files are there.
const dropBlock = 64

func (e *Engine) listed(ctx context.Context, r Request, look *lookup, offset, limit int) ([]Hit, error) {
	ids, err := e.store.List(ctx, store.ListQuery{Filter: look.filter, Order: r.Order, Offset: offset, Limit: limit})
	if err != nil {
		return nil, err
	}
	return look.hits(ctx, ids)
}

// listAmong lists files that were listed: the list, and not the index, has the paths that decide the order.
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
		a.Hits = present(ctx, a.Hits)
	}
	a.Hits = page(a.Hits, r.Offset, r.Limit)
	if r.Missing == MarkMissing {
		markMissing(ctx, a.Hits)
	}
	return nil
}
