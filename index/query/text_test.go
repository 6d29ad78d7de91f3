package query_test

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/store"
)

// say gives pictures texts, by the names of their files.
func (w *world) say(texts map[string]string) {
	w.Helper()
	hits := w.search(query.Request{Limit: 1000}).Hits
	tx, err := w.store.Begin(w.Context())
	if err != nil {
		w.Fatal(err)
	}
	defer tx.Rollback()
	for _, h := range hits {
		t := store.Text{Model: "m"}
		if line, ok := texts[filepath.Base(h.Path)]; ok {
			t.Lines = []store.TextLine{{Text: line, Score: 1}}
		}
		if _, err := tx.PutText(w.Context(), h.ID, t); err != nil {
			w.Fatal(err)
		}
	}
	if err := tx.Commit(w.Context()); err != nil {
		w.Fatal(err)
	}
}

// TestTextRanks: pictures whose text contains the query's words are among the first, keep their score, and are not omitted for it; pages compose.
func TestTextRanks(t *testing.T) {
	w := filled(t, 60)
	plain := w.search(query.Request{Terms: []query.Term{text(1, "sea view")}, Limit: 60})
	w.say(map[string]string{"007.jpg": "Sea View Hotel", "031.jpg": "by the sea: a view", "044.jpg": "Seaside", "050.jpg": "viewing the seas"})
	ranked := w.search(query.Request{Terms: []query.Term{text(1, "sea view")}, Limit: 60})
	if got := paths(ranked.Hits[:4]); got[0] != "007.jpg" || !slices.Contains(got, "031.jpg") {
		t.Errorf("first: %v", got)
	}
	scores := make(map[string]float64)
	for _, h := range plain.Hits {
		scores[h.Path] = h.Score
	}
	least := plain.Hits[0].Score + 1
	for _, h := range ranked.Hits {
		if math.Abs(scores[h.Path]-h.Score) > 1e-9 {
			t.Errorf("%s has score %v, want %v", h.Path, h.Score, scores[h.Path])
		}
	}
	if len(ranked.Hits) != 60 || ranked.Best != plain.Best || ranked.Hits[0].Excerpt() != "Sea View Hotel" || ranked.Hits[59].Excerpt() != "" {
		t.Errorf("%d hits, the best at %v, the first says %q", len(ranked.Hits), ranked.Best, ranked.Hits[0].Excerpt())
	}
	var pages []string
	for at := 0; at < 60; at += 7 {
		pages = append(pages, paths(w.search(query.Request{Terms: []query.Term{text(1, "sea view")}, Offset: at, Limit: 7}).Hits)...)
	}
	if !slices.Equal(pages, paths(ranked.Hits)) {
		t.Errorf("pages %v, want %v", pages, paths(ranked.Hits))
	}
	if got := paths(w.search(query.Request{Terms: []query.Term{text(1, "sea view")}, Limit: 60, MinScore: &least}).Hits); len(got) != 3 {
		t.Errorf("with a minimum score: %v", got)
	}
	for _, r := range []query.Request{
		{Terms: []query.Term{text(1, "sea view")}, NoTextRank: true},
		{Terms: []query.Term{text(.5, "sea view")}},
		{Terms: []query.Term{text(1, "sea view lighthouse")}},
	} {
		r.Limit = 60
		for _, h := range w.search(r).Hits {
			if h.Excerpt() != "" {
				t.Errorf("%+v: %s says %q", r, h.Path, h.Excerpt())
			}
		}
	}
}

// TestFusion: many pictures whose text contains the word do not displace those that show it: the two alternate.
func TestFusion(t *testing.T) {
	w := filled(t, 200)
	ask := query.Request{Terms: []query.Term{text(1, "dog")}, Limit: 200}
	plain := paths(w.search(ask).Hits)
	for name, line := range map[string]string{"equal": "a dog here", "unequal": "a dog on page "} {
		texts := make(map[string]string)
		for i, file := range plain[150:170] {
			if texts[file] = line; name == "unequal" {
				texts[file] += strings.Repeat("x", i)
			}
		}
		w.say(texts)
		first := w.search(ask).Hits[:10]
		said := 0
		for _, h := range first {
			if h.Excerpt() != "" {
				said++
			}
		}
		if said < 4 || said > 6 || first[0].Excerpt() == "" {
			t.Errorf("%s texts: %d of the first 10 have the word: %v", name, said, paths(first))
		}
		for i, file := range plain[:4] {
			if !slices.Contains(paths(first), file) {
				t.Errorf("%s texts: picture %d is not among the first 10", name, i)
			}
		}
	}
}

// TestTextFilter: hits of a filter for texts carry the lines, and a notice says how many texts have not been read.
func TestTextFilter(t *testing.T) {
	w := filled(t, 10)
	asked := query.Request{Filter: store.Filter{Texts: []string{"exit"}}, Limit: 10}
	if a := w.search(asked); len(a.Hits) != 0 || len(a.Notices) != 1 || a.Notices[0] != (query.PartlyRead{Pictures: 10}) {
		t.Errorf("%+v", a)
	}
	w.say(map[string]string{"003.jpg": "Exit only"})
	for _, terms := range [][]query.Term{nil, {text(1, "sea")}} {
		asked.Terms = terms
		if a := w.search(asked); len(a.Hits) != 1 || a.Hits[0].Excerpt() != "Exit only" || len(a.Notices) != 0 {
			t.Errorf("%+v", a)
		}
	}
	p, err := w.engine().Picture(t.Context(), w.search(asked).Hits[0].ID)
	if err != nil || len(p.Text.Lines) != 1 {
		t.Errorf("%+v, %v", p, err)
	}
}

// TestManyTexts: words that are in the text of very many pictures do not push out everything else.
func TestManyTexts(t *testing.T) {
	w := filled(t, 300)
	texts := make(map[string]string)
	for i := range 290 {
		texts[fmt.Sprintf("%03d.jpg", i)] = "sea"
	}
	w.say(texts)
	said := 0
	for _, h := range w.search(query.Request{Terms: []query.Term{text(1, "sea")}, Limit: 300}).Hits {
		if h.Excerpt() != "" {
			said++
		}
	}
	if said != 200 {
		t.Errorf("%d hits are ranked by their text", said)
	}
}
