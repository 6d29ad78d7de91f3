package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"

	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/query/parse"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/words"
)

// leastLikeness is the lowest similarity, 0 to 1, of a misspelling. That of "nokia" and "nikon" is 0.4.
const leastLikeness = 0.4

// shownNearest is the number of similar values in a message.
const shownNearest = 3

// Meant explains why nothing was found: it names the first camera, lens or keyword that no photo has, and similar ones that photos have. It
// is the end of a sentence, "; no photos match ...", or "" if each filter matches some photo.
func (q *FilterFlags) Meant(ctx context.Context, e *query.Engine) string {
	type asked struct {
		by    store.Facet
		value string
	}
	list := []asked{{store.FacetCamera, q.camera}, {store.FacetLens, q.lens}}
	for _, k := range q.keywords {
		list = append(list, asked{store.FacetKeyword, k})
	}
	for _, p := range q.people {
		list = append(list, asked{store.FacetPerson, p})
	}
	for _, l := range q.labels {
		list = append(list, asked{store.FacetLabel, l})
	}
	for _, a := range list {
		if a.value == "" {
			continue
		}
		name := string(a.by)
		f, err := parse.Filter(parse.Values{name: {a.value}}, parse.Options{})
		if err != nil {
			return ""
		}
		has, err := e.Facets(ctx, f, a.by)
		if err != nil || len(has) > 0 {
			continue
		}
		all, err := e.Facets(ctx, store.Filter{}, a.by)
		if err != nil {
			return ""
		}
		said := fmt.Sprintf("; no photos match --%s %s", name, words.Path(a.value))
		if near := nearest(a.value, all); len(near) > 0 {
			return said + "; similar values: " + strings.Join(near, ", ")
		}
		if len(all) == 0 || len(all) == 1 && all[0].Value == "" {
			if a.by == store.FacetLabel {
				return said + "; no photo has a label: run `imgsearch label`"
			}
			return said + "; no indexed photo has a " + name + " in its metadata"
		}
		return said + "; `imgsearch facets " + name + "` lists the values"
	}
	return ""
}

// nearest returns the values most similar in spelling to a word, the most frequent first among equals.
func nearest(word string, all []query.Count) []string {
	type near struct {
		value    string
		likeness float64
	}
	var list []near
	word = store.Fold(word)
	for _, c := range all {
		if c.Value == "" {
			continue
		}
		folded := store.Fold(c.Value)
		best := levenshtein.Similarity(word, folded, nil)
		for _, part := range strings.Fields(folded) {
			best = max(best, levenshtein.Similarity(word, part, nil))
		}
		if best >= leastLikeness {
			list = append(list, near{c.Value, best})
		}
	}
	slices.SortStableFunc(list, func(a, b near) int {
		switch {
		case a.likeness > b.likeness:
			return -1
		case a.likeness < b.likeness:
			return 1
		}
		return 0
	})
	var names []string
	for _, n := range list[:min(len(list), shownNearest)] {
		names = append(names, words.Path(n.value))
	}
	return names
}
