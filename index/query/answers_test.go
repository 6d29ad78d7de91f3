package query_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/store"
)

// TestPagesCompose: the pages of a ranking add up to the ranking, and an order that only rearranges the best hits has no pages.
func TestPagesCompose(t *testing.T) {
	w := filled(t, 60)
	all := w.search(query.Request{Terms: []query.Term{text(1, "sea")}, Limit: 60})
	if len(all.Hits) != 60 || all.Searched != 60 || all.Hits[0].Relative != 1 {
		t.Fatalf("%d hits of %d, the best at %v", len(all.Hits), all.Searched, all.Hits[0].Relative)
	}
	var pages []string
	for at := 0; at < 60; at += 7 {
		pages = append(pages, paths(w.search(query.Request{Terms: []query.Term{text(1, "sea")}, Offset: at, Limit: 7}).Hits)...)
	}
	if !slices.Equal(pages, paths(all.Hits)) {
		t.Errorf("pages %v, want %v", pages, paths(all.Hits))
	}
	best := paths(all.Hits[:10])
	slices.Sort(best)
	if got := paths(w.search(query.Request{Terms: []query.Term{text(1, "sea")}, Limit: 10, Order: store.ByPath}).Hits); len(got) != 10 {
		t.Errorf("by path: %v", got)
	} else if slices.Sort(got); !slices.Equal(got, best) {
		t.Errorf("by path other hits are shown: %v, want %v", got, best)
	}
	for _, order := range []store.Order{store.ByDate, store.ByPath} {
		_, err := w.engine().Search(t.Context(), query.Request{Terms: []query.Term{text(1, "sea")}, Limit: 10, Offset: 1, Order: order})
		if !errors.Is(err, query.ErrOffset) {
			t.Errorf("an offset by %s: %v", order, err)
		}
		listed := w.search(query.Request{Limit: 100, Order: order})
		var list []string
		for at := 0; at < 60; at += 11 {
			list = append(list, paths(w.search(query.Request{Limit: 11, Offset: at, Order: order}).Hits)...)
		}
		if len(list) != 60 || !slices.Equal(list, paths(listed.Hits)) {
			t.Errorf("pages of a listing by %s: %v", order, list)
		}
	}
}

// TestRemembered: queries that were asked before do not need a model.
func TestRemembered(t *testing.T) {
	w := filled(t, 10)
	asked := query.Request{Terms: []query.Term{text(1, "sea"), text(-0.5, "people")}, Limit: 3}
	first := w.search(asked)
	if !first.Asked() || w.encoder.texts.Load() != 2 {
		t.Fatalf("%d texts were embedded", w.encoder.texts.Load())
	}
	if err := w.engine().Remember(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	modelless := query.New(w.store, nil, nil, nil, nil)
	again, err := modelless.Search(t.Context(), asked)
	if err != nil || again.Asked() || !slices.Equal(paths(again.Hits), paths(first.Hits)) {
		t.Errorf("%v, %v, want %v", again, err, first)
	}
	if _, err := modelless.Search(t.Context(), query.Request{Terms: []query.Term{text(1, "new")}, Limit: 3}); !errors.Is(err, query.ErrNoEncoder) {
		t.Errorf("a new text without a model: %v", err)
	}
	if asked.Terms[0].Label != "sea" || len(asked.Terms[0].Texts) != 1 {
		t.Error("the asker's request was changed")
	}
}

// TestHostileRequests: invalid requests return errors, and the caller's requests are not changed.
func TestHostileRequests(t *testing.T) {
	w := filled(t, 10)
	for _, r := range []query.Request{{}, {Limit: -1}, {Limit: 1, Offset: -1}} {
		for _, terms := range [][]query.Term{nil, {text(1, "sea")}} {
			r.Terms = terms
			if _, err := w.engine().Search(t.Context(), r); !errors.Is(err, query.ErrLimit) {
				t.Errorf("limit %d, offset %d: %v", r.Limit, r.Offset, err)
			}
		}
	}
	for _, r := range []query.Request{{Limit: math.MaxInt, Offset: 1}, {Limit: math.MaxInt, Offset: math.MaxInt}, {Limit: 1, Offset: math.MaxInt, Order: store.ByPath}} {
		for _, missing := range []query.Missing{query.MarkMissing, query.DropMissing} {
			r.Missing = missing
			w.search(r)
			if r.Order == "" {
				r.Terms = []query.Term{text(1, "sea")}
				w.search(r)
				r.Terms = nil
			}
		}
	}
	rs := []query.Request{{Terms: []query.Term{text(1, "sea")}, Limit: 1}, {Terms: []query.Term{text(1, "sky")}, Limit: 1, Model: "another"}}
	if _, err := w.engine().SearchBatch(t.Context(), rs); !errors.Is(err, query.ErrModels) {
		t.Errorf("a batch for two models: %v", err)
	}
	shared := rs[:1]
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if _, err := w.engine().SearchBatch(context.Background(), shared); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// TestBatch: the texts of several queries are embedded together, each text once.
func TestBatch(t *testing.T) {
	w := filled(t, 20)
	var rs []query.Request
	for i := range 9 {
		rs = append(rs, query.Request{Terms: []query.Term{text(1, fmt.Sprint("query ", i%4))}, Limit: 5})
	}
	all, err := w.engine().SearchBatch(t.Context(), rs)
	if err != nil || len(all) != 9 || w.encoder.texts.Load() != 4 {
		t.Fatalf("%d answers, %d texts, %v", len(all), w.encoder.texts.Load(), err)
	}
	for i, a := range all {
		if one := w.search(rs[i]); !slices.Equal(paths(one.Hits), paths(a.Hits)) {
			t.Errorf("query %d: %v, alone %v", i, paths(a.Hits), paths(one.Hits))
		}
	}
}

// TestExplained: the contributions of the terms add up to the score.
func TestExplained(t *testing.T) {
	w := filled(t, 20)
	a := w.search(query.Request{Terms: []query.Term{text(1, "sea"), text(0.5, "sunset"), text(-1, "people")}, Limit: 5, Explain: true})
	for _, h := range a.Hits {
		sum := 0.0
		for _, c := range h.Contributions {
			sum += c.Contribution
		}
		if len(h.Contributions) != 3 || math.Abs(sum-h.Score) > 2e-3 {
			t.Errorf("%s: %+v make %v, not %v", h.Path, h.Contributions, sum, h.Score)
		}
	}
	if _, err := w.engine().Search(t.Context(), query.Request{Terms: []query.Term{text(1, "sea"), text(-1, "sea")}, Limit: 5}); !errors.Is(err, query.ErrCancelOut) {
		t.Errorf("terms that cancel each other out: %v", err)
	}
}

// TestMissing: a picture whose file is gone is marked, omitted, or returned without a check.
func TestMissing(t *testing.T) {
	w := filled(t, 30)
	all := paths(w.search(query.Request{Terms: []query.Term{text(1, "sea")}, Limit: 30}).Hits)
	gone := w.search(query.Request{Terms: []query.Term{text(1, "sea")}, Limit: 1}).Hits[0]
	if err := os.Remove(gone.Path); err != nil {
		t.Fatal(err)
	}
	for _, terms := range [][]query.Term{nil, {text(1, "sea")}} {
		has := func(m query.Missing, limit int) (present, marked bool, n int) {
			hits := w.search(query.Request{Terms: terms, Limit: limit, Missing: m}).Hits
			i := slices.IndexFunc(hits, func(h query.Hit) bool { return h.ID == gone.ID })
			return i >= 0, i >= 0 && hits[i].Missing, len(hits)
		}
		if present, marked, _ := has(query.MarkMissing, 30); !present || !marked {
			t.Errorf("marked: %v, %v", present, marked)
		}
		if present, _, n := has(query.DropMissing, 30); present || n != 29 {
			t.Errorf("dropped: %v, %d hits", present, n)
		}
		if present, marked, _ := has(query.IgnoreMissing, 30); !present || marked {
			t.Errorf("ignored: %v, %v", present, marked)
		}
	}
	hits := w.search(query.Request{Terms: []query.Term{text(1, "sea")}, Limit: 5, Missing: query.DropMissing}).Hits
	if got := paths(hits); !slices.Equal(got, all[1:6]) {
		t.Errorf("others follow: %v, want %v", got, all[1:6])
	}
}

// TestAmong: listed files are searched instead of the whole index; files that are not in the index are merged by score;
// all are shown with the paths in the list.
func TestAmong(t *testing.T) {
	w := filled(t, 30)
	all := w.search(query.Request{Terms: []query.Term{text(1, "sea")}, Limit: 30}).Hits
	among := &query.Among{
		Pictures: map[store.PictureID][]string{all[3].ID: {"/list/b.jpg", "/list/a.jpg"}, all[7].ID: {"/list/c.jpg"}},
		Others:   []query.Other{{Record: store.Record{Picture: store.Picture{ID: store.PictureID{1}, Width: 3, Height: 2}}, Paths: []string{"/list/other.jpg"}, Vector: direction("sea")}},
	}
	a := w.search(query.Request{Terms: []query.Term{text(1, "sea")}, Limit: 10, Among: among, Missing: query.IgnoreMissing, Explain: true})
	if got := paths(a.Hits); !slices.Equal(got, []string{"other.jpg", "a.jpg", "c.jpg"}) || math.Abs(a.Hits[0].Score-1) > 1e-5 || len(a.Hits[1].Also) != 1 || len(a.Hits[0].Contributions) != 1 {
		t.Errorf("%v: %+v", got, a.Hits)
	}
	if got := paths(w.search(query.Request{Terms: []query.Term{text(1, "sea")}, Limit: 1, Offset: 1, Among: among, Missing: query.IgnoreMissing}).Hits); !slices.Equal(got, []string{"a.jpg"}) {
		t.Errorf("the second page: %v", got)
	}
	if got := paths(w.search(query.Request{Limit: 10, Order: store.ByPath, Among: among, Missing: query.IgnoreMissing}).Hits); !slices.Equal(got, []string{"a.jpg", "c.jpg", "other.jpg"}) {
		t.Errorf("listed: %v", got)
	}
}
