package query

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/imgsearch/imgsearch/index/store"
)

// Two rankings, by picture and by text, are fused by reciprocal ranks: a picture's value is 1/(fuseRank+rank) for its rank by cosine, plus
// weight/(fuseRank+rank) for its rank by text (G. Cormack, C. Clarke, S. Buettcher: "Reciprocal Rank Fusion outperforms Condorcet and individual Rank
// Learning Methods", SIGIR 2009). The weight is 1 if all words stand alone in the text, and fusePart if none does. With the authors' constant, 60, a
// dozen pages with the word "dog" would all come before the best pictures of dogs; with 1, the two rankings alternate (TestFusion).
const (
	fuseRank = 1
	fusePart = .5
)

// maxTextRanked is the number of pictures that are ranked by their text. Words that are in the text of more pictures say little about one of them.
const maxTextRanked = 200

// textRanks are the pictures whose text contains all words of a query.
type textRanks struct {
	words []string
	// ids are the best ones.
	ids     []store.PictureID
	matches map[store.PictureID]store.TextMatch
}

// textRanks finds pictures by their text, if the request is a single text with words that count.
func (e *Engine) textRanks(ctx context.Context, r Request, look *lookup) (t textRanks, err error) {
	if r.NoTextRank || !IsPlain(r.Terms) {
		return t, nil
	}
	t.words = store.TextWords(r.Terms[0].Label)
	matches, err := e.store.MatchTexts(ctx, look.filter, t.words)
	if err != nil {
		return t, err
	}
	t.matches = make(map[store.PictureID]store.TextMatch)
	for _, m := range matches[:min(len(matches), maxTextRanked)] {
		t.ids = append(t.ids, m.Picture)
		t.matches[m.Picture] = m
	}
	return t, nil
}

// has reports whether a picture's text contains the query's words.
func (t textRanks) has(id store.PictureID) bool { _, ok := t.matches[id]; return ok }

// values returns what the ranks by text add to the values of pictures. Of two texts that fit equally well, that of the nearer picture comes first.
func (t textRanks) values(also map[store.PictureID]store.Ranked) map[store.PictureID]float64 {
	list := slices.Clone(t.ids)
	slices.SortFunc(list, func(a, b store.PictureID) int {
		return cmp.Or(cmp.Compare(t.matches[b].Quality(), t.matches[a].Quality()), cmp.Compare(also[b].Score, also[a].Score), bytes.Compare(a[:], b[:]))
	})
	values := make(map[store.PictureID]float64, len(list))
	for i, id := range list {
		values[id] = (fusePart + (1-fusePart)*t.matches[id].Alone) / float64(fuseRank+i+1)
	}
	return values
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
	values := t.values(n.Also)
	for _, h := range hits {
		above, _ := slices.BinarySearchFunc(n.Hits, h.Score, func(s store.Scored, score float64) int { return cmp.Compare(score, s.Score) })
		rank := above + 1
		if r, ok := n.Also[h.ID]; ok {
			rank = r.Rank
		}
		values[h.ID] += 1 / float64(fuseRank+rank)
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
			phrases = slices.Concat(phrases, t.words)
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
	if err != nil || c.Read >= totals.Pictures {
		return err
	}
	mode, err := e.store.Setting(ctx, store.SettingOCR)
	a.Notices = append(slices.Clip(a.Notices), PartlyRead{c.Read, totals.Pictures, mode == store.OCROff})
	return err
}
