package query

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/imgsearch/imgsearch/index/store"
)

// Two rankings, by picture and by text, are fused by reciprocal ranks: a picture's value is 1/(fuseRank+rank) for its rank by cosine, plus
// weight/(fuseRank+rank) for its rank by text. The weight is 1 if all words stand alone in the text, and fusePart if none does (G. Cormack, C. Clarke, S. Buettcher: "Reciprocal Rank Fusion outperforms Condorcet and individual
// Rank Learning Methods", SIGIR 2009, with 60). TestFusion shows what the constants do: docs/benchmarks.md#text.
const (
	fuseRank = 60
	fusePart = .5
)

// maxTextRanked is the number of pictures that are ranked by their text. Words that are in the text of more pictures say little about one of them.
const maxTextRanked = 200

// textRanks are the pictures whose text contains all words of a query.
type textRanks struct {
	// ids are the best ones, by rank from 1.
	ids   []store.PictureID
	ranks map[store.PictureID]textRank
}

type textRank struct {
	rank   int
	weight float64
}

// textRanks ranks pictures by their text, if the request is a single text with words of at least three letters.
func (e *Engine) textRanks(ctx context.Context, r Request, look *lookup) (t textRanks, err error) {
	if r.NoTextRank || !IsPlain(r.Terms) {
		return t, nil
	}
	matches, err := e.store.MatchTexts(ctx, look.filter, store.TextWords(r.Terms[0].Label))
	if err != nil {
		return t, err
	}
	t.ranks = make(map[store.PictureID]textRank)
	for i, m := range matches[:min(len(matches), maxTextRanked)] {
		t.ids = append(t.ids, m.Picture)
		rank := i + 1
		if i > 0 && matches[i-1].Quality() == m.Quality() { // equally good
			rank = t.ranks[matches[i-1].Picture].rank
		}
		t.ranks[m.Picture] = textRank{rank, fusePart + (1-fusePart)*m.Alone}
	}
	return t, nil
}

// has reports whether a picture's text contains the query's words.
func (t textRanks) has(id store.PictureID) bool { return t.ranks[id].rank > 0 }

// fused returns the value of a picture by which hits are sorted.
func (t textRanks) fused(id store.PictureID, rank int) float64 {
	value := 1 / float64(fuseRank+rank)
	if r := t.ranks[id]; r.rank > 0 {
		value += r.weight / float64(fuseRank+r.rank)
	}
	return value
}

// join returns the nearest pictures and those with text.
func (t textRanks) join(n store.Nearest) []store.Scored {
	list := slices.Clone(n.Hits)
	if len(n.Also) == 0 {
		return list
	}
	near := make(map[store.PictureID]bool, len(list))
	for _, h := range list {
		near[h.Picture] = true
	}
	for _, id := range t.ids {
		if other, ok := n.Also[id]; ok && !near[id] {
			list = append(list, other.Scored)
		}
	}
	return list
}

// fuse sorts hits by rank and text. A picture's rank is one more than the number of pictures in the index that score higher, whether or not they are
// among the hits, so that pages compose.
func (t textRanks) fuse(hits []Hit, n store.Nearest) {
	if len(t.ids) == 0 {
		return
	}
	values := make(map[store.PictureID]float64, len(hits))
	for _, h := range hits {
		above, _ := slices.BinarySearchFunc(n.Hits, h.Score, func(s store.Scored, score float64) int { return cmp.Compare(score, s.Score) })
		rank := above + 1
		if r, ok := n.Also[h.ID]; ok {
			rank = r.Rank
		}
		values[h.ID] = t.fused(h.ID, rank)
	}
	slices.SortStableFunc(hits, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(values[b.ID], values[a.ID]), cmp.Compare(b.Score, a.Score), cmp.Compare(a.Path, b.Path))
	})
}

// addTexts sets the text of the hits whose text contains the query's words or the filter's phrases.
func (e *Engine) addTexts(ctx context.Context, r Request, t textRanks, hits []Hit) error {
	var ids []store.PictureID
	for _, h := range hits {
		if t.has(h.ID) || len(r.Filter.Texts) > 0 {
			ids = append(ids, h.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	texts, err := e.store.Texts(ctx, ids)
	if err != nil {
		return err
	}
	for i, h := range hits {
		phrases := r.Filter.Texts
		if t.has(h.ID) {
			phrases = slices.Concat(phrases, store.TextWords(r.Terms[0].Label))
		}
		hits[i].Text = linesWith(texts[h.ID], phrases)
	}
	return nil
}

// linesWith returns the lines that contain phrases, each once.
func linesWith(text store.Text, phrases []string) (lines []store.TextLine) {
	for _, phrase := range phrases {
		for _, line := range text.Matching(phrase) {
			if !slices.Contains(lines, line) {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// Excerpt returns the hit's lines of text on one line; "" if there are none.
func (h Hit) Excerpt() string {
	lines := make([]string, len(h.Text))
	for i, l := range h.Text {
		lines[i] = l.Text
	}
	return strings.Join(lines, " … ")
}

// noteUnread adds a notice if a filter for text may miss pictures whose text has not been read.
func (e *Engine) noteUnread(ctx context.Context, r Request, a *Response) error {
	if len(r.Filter.Texts) == 0 {
		return nil
	}
	totals, err := e.store.Totals(ctx)
	if err != nil {
		return err
	}
	c, err := e.store.TextCoverage(ctx, "")
	if c.Read < totals.Pictures {
		a.Notices = append(slices.Clip(a.Notices), PartlyRead{c.Read, totals.Pictures})
	}
	return err
}
