package query

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/vec"
)

// Term is one part of a query: texts, a given picture, or a picture in the index. The query's direction is the sum of weight times
// unit vector over its terms, scaled to length 1, so that the score is a cosine. rclip (Model.compute_similarities_to_text)
// does not scale the sum; the order is the same.
type Term struct {
	// Weight is negative if the term is subtracted.
	Weight float64
	// Label is the term for display.
	Label string
	// Texts are the texts to embed, with white space collapsed: one text, or several whose vectors are averaged.
	Texts []string
	// Prompted means that the texts are words in a template.
	Prompted bool
	// Indexed is a picture in the index, which is omitted from the hits.
	Indexed *store.PictureID
	// Picture is a given picture. If Indexed is set but has no vector of the model, Picture is its file.
	Picture Given

	vectors [][]float32
}

// The bounds of a weight: beyond them, single precision cannot tell scores apart.
const (
	LeastWeight = 1e-6
	MostWeight  = 1e6
)

// Title returns a query for display: its words, or the sum of its terms.
func Title(terms []Term) string {
	if len(terms) == 1 && terms[0].Weight == 1 {
		return terms[0].Label
	}
	var b strings.Builder
	for i, t := range terms {
		switch {
		case t.Weight < 0 && i == 0:
			b.WriteString("- ")
		case t.Weight < 0:
			b.WriteString(" - ")
		case i > 0:
			b.WriteString(" + ")
		}
		if w := math.Abs(t.Weight); w != 1 {
			fmt.Fprintf(&b, "%g:", w)
		}
		b.WriteString(t.Label)
	}
	return b.String()
}

// known reports whether all of a term's vectors are known.
func (t *Term) known() bool {
	for _, v := range t.vectors {
		if v == nil {
			return false
		}
	}
	return len(t.vectors) > 0
}

// direction returns a term's unit vector: the vector of its text or picture, or the normalised mean over its texts.
func (t *Term) direction() []float32 {
	if len(t.vectors) == 1 {
		return t.vectors[0]
	}
	sum := make([]float32, len(t.vectors[0]))
	for _, v := range t.vectors {
		for i, x := range v {
			sum[i] += x
		}
	}
	vec.Scale(sum, 1/vec.Length(sum))
	return sum
}

// minLength is the length, as a fraction of the sum of the weights, below which a sum of unit vectors is only rounding error.
const minLength = 1e-4

// combine returns the query's direction, and the length of the sum before scaling.
func combine(terms []Term) (vector []float32, norm float64, err error) {
	if len(terms) == 1 && terms[0].Weight == 1 {
		return terms[0].direction(), 1, nil
	}
	sum := make([]float64, len(terms[0].vectors[0]))
	weights := 0.0
	for _, t := range terms {
		weights += math.Abs(t.Weight)
		for i, x := range t.direction() {
			sum[i] += t.Weight * float64(x)
		}
	}
	for _, x := range sum {
		norm += x * x
	}
	norm = math.Sqrt(norm)
	if norm < minLength*weights {
		return nil, 0, fmt.Errorf("%w: %s", ErrCancelOut, Title(terms))
	}
	vector = make([]float32, len(sum))
	for i, x := range sum {
		vector[i] = float32(x / norm)
	}
	return vector, norm, nil
}

// Contribution is the part of a picture's score that comes from a term.
type Contribution struct {
	Term   string
	Weight float64
	// Cosine is between the term and the picture. The Contributions of all terms add up to the score.
	Cosine, Contribution float64
}

func contributions(terms []Term, norm float64, picture []float32) []Contribution {
	list := make([]Contribution, len(terms))
	for i, t := range terms {
		c := vec.Dot(t.direction(), picture)
		list[i] = Contribution{t.Label, t.Weight, c, t.Weight * c / norm}
	}
	return list
}

// resolve finds the vectors of all terms: first those in the index, then those that the model must compute; asked are the texts
// that it computed. While the model loads, resolve prepares the store for the search.
func (e *Engine) resolve(ctx context.Context, m store.Model, rs []Request) (asked map[string][]float32, err error) {
	var terms []*Term
	for i := range rs {
		rs[i].Terms = append([]Term(nil), rs[i].Terms...) // do not change the caller's terms
		prefix, _ := e.languages(m, rs[i].Language)
		for j := range rs[i].Terms {
			t := &rs[i].Terms[j]
			t.Texts = prefixed(prefix, t.Texts)
			terms = append(terms, t)
		}
	}
	if len(terms) == 0 {
		return asked, nil
	}
	if err := e.recall(ctx, m, terms); err != nil {
		return nil, err
	}
	texts, pictures := unknown(terms)
	if len(texts)+len(pictures) == 0 {
		return asked, nil
	}
	encoder, err := e.encoders(ctx, m)
	if err != nil {
		return nil, err
	}
	encoder.Start(len(texts) > 0, len(pictures) > 0)
	for _, r := range rs {
		if err := e.store.Prepare(ctx, m.Identity, r.filter()); err != nil {
			return nil, err
		}
	}
	for _, t := range pictures {
		if t.vectors[0], err = encoder.Picture(ctx, t.Picture); err != nil {
			return nil, err
		}
	}
	if len(texts) == 0 {
		return asked, nil
	}
	vectors, err := encoder.Texts(ctx, texts)
	if err != nil {
		return nil, err
	}
	asked = make(map[string][]float32, len(texts))
	for i, text := range texts {
		asked[text] = vectors[i]
	}
	for _, t := range terms {
		for i, text := range t.Texts {
			if t.vectors[i] == nil {
				t.vectors[i] = asked[text]
			}
		}
	}
	return asked, nil
}

// inEpoch returns the names under which the vectors of texts are stored: those of another epoch are not found.
func inEpoch(epoch string, texts []string) []string {
	if epoch == "" {
		return texts
	}
	names := make([]string, len(texts))
	for i, text := range texts {
		names[i] = text + epoch
	}
	return names
}

// prefixed returns the texts, each with the prefix prepended.
func prefixed(prefix string, texts []string) []string {
	if prefix == "" {
		return texts
	}
	out := make([]string, len(texts))
	for i, text := range texts {
		out[i] = prefix + text
	}
	return out
}

// lacksLanguage reports whether the model expects the language of a request's texts, but has no prefix for it.
func (e *Engine) lacksLanguage(m store.Model, r Request) bool {
	prefix, expected := e.languages(m, r.Language)
	return expected && prefix == "" && slices.ContainsFunc(r.Terms, func(t Term) bool { return len(t.Texts) > 0 })
}

// unknown returns the texts and pictures that have no vector yet, each text once.
func unknown(terms []*Term) (texts []string, pictures []*Term) {
	seen := make(map[string]bool)
	for _, t := range terms {
		if t.known() {
			continue
		}
		if len(t.Texts) == 0 {
			pictures = append(pictures, t)
		}
		for i, text := range t.Texts {
			if t.vectors[i] == nil && !seen[text] {
				seen[text] = true
				texts = append(texts, text)
			}
		}
	}
	return texts, pictures
}

// recall fills in the vectors that are known without a model: of texts that were asked before, and of pictures in the index.
func (e *Engine) recall(ctx context.Context, m store.Model, terms []*Term) error {
	var texts []string
	var ids []store.PictureID
	for _, t := range terms {
		t.vectors = make([][]float32, max(len(t.Texts), 1))
		texts = append(texts, t.Texts...)
		id, err := t.id()
		if err != nil {
			return err
		}
		if id != nil {
			ids = append(ids, *id)
		}
	}
	epoch := e.epochs(m)
	known, err := e.store.Queries(ctx, m.Identity, inEpoch(epoch, texts))
	if err != nil {
		return err
	}
	vectors, err := e.store.Vectors(ctx, m.Identity, ids)
	if err != nil {
		return err
	}
	for _, t := range terms {
		for i, text := range t.Texts {
			t.vectors[i] = known[text+epoch]
		}
		if id, err := t.id(); err != nil {
			return err
		} else if id != nil {
			t.vectors[0] = vectors[*id]
		}
	}
	return nil
}

// id returns the id of the term's picture, or nil if the term is a text.
func (t *Term) id() (*store.PictureID, error) {
	if t.Indexed != nil || t.Picture == nil {
		return t.Indexed, nil
	}
	id, err := t.Picture.ID()
	return &id, err
}
