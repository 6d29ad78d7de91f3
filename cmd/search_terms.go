package cmd

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/tokenize"
	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/sqlite"
)

// termKind is what a term of a query is.
type termKind int

const (
	textTerm  termKind = iota
	imageTerm          // a picture file
	likeTerm           // a picture of the index
)

// queryTerm is one part of a query. The query's direction is the sum of weight times unit vector over its terms, scaled to
// length 1: rclip's arithmetic (its Model.compute_similarities_to_text), which leaves the length as it is; the order is the
// same.
type queryTerm struct {
	kind   termKind
	weight float64 // below 0 for a term that is subtracted
	value  string
	// texts are what is embedded of a text: the text itself, or one for each prompt; vectors are theirs, nil where not known.
	texts   []string
	vectors [][]float32
	// content is the picture of the index that the term is; 0: none.
	content int64
	// picture is the file of an imageTerm, once it was read.
	picture *pictureFile
}

// weighted matches a weight before a term, as rclip has it: "0.5:sunset".
var weighted = regexp.MustCompile(`^(\d+(?:\.\d+)?|\.\d+|\d+\.):(.+)$`)

func parseWeight(s string) (weight float64, rest string) {
	m := weighted.FindStringSubmatch(s)
	if m == nil {
		return 1, s
	}
	w, err := strconv.ParseFloat(m[1], 64)
	if err != nil || math.IsInf(w, 0) {
		return 1, s
	}
	return w, m[2]
}

// readTerms makes the terms of the query's words and flags.
func (o *searchOptions) readTerms() ([]queryTerm, error) {
	var terms []queryTerm
	for _, p := range o.prompts {
		if strings.Count(p, "{}") != 1 {
			return nil, usageError(`write {} once where the words go: --prompt "a photo of {}"`, "--prompt %q", p)
		}
	}
	if tokenize.Clean(o.query, false) != "" {
		terms = append(terms, o.textTerm(1, o.query))
	}
	for _, group := range []struct {
		flag   string
		values []string
		kind   termKind
		sign   float64
		plain  bool // without a weight
	}{
		{"--image", o.images, imageTerm, 1, true},
		{"--like", o.like, likeTerm, 1, true},
		{"--add", o.add, textTerm, 1, false},
		{"--add-image", o.addImages, imageTerm, 1, false},
		{"--subtract", o.subtract, textTerm, -1, false},
		{"--subtract-image", o.subtractImages, imageTerm, -1, false},
	} {
		for _, value := range group.values {
			weight := 1.0
			if !group.plain {
				weight, value = parseWeight(value)
			}
			weight *= group.sign
			if weight == 0 {
				return nil, usageError("leave the term out", "%s %q: a weight of 0", group.flag, value)
			}
			if w := math.Abs(weight); w < leastWeight || w > mostWeight {
				return nil, usageError("give a number between 0.000001 and 1000000", "%s %q: a weight of %v", group.flag, value, weight)
			}
			if group.kind == textTerm {
				if !utf8.ValidString(value) || tokenize.Clean(value, false) == "" {
					return nil, usageError("give words, as UTF-8", "%s %q", group.flag, value)
				}
				terms = append(terms, o.textTerm(weight, value))
				continue
			}
			path, err := filepath.Abs(value)
			if err != nil {
				return nil, err
			}
			if info, err := os.Stat(path); group.kind == imageTerm && (err != nil || info.IsDir()) {
				return nil, usageError("give a picture", "%s: %s is not a file that is there", group.flag, escapePath(value))
			}
			terms = append(terms, queryTerm{kind: group.kind, weight: weight, value: path, vectors: make([][]float32, 1)})
		}
	}
	return terms, nil
}

func (o *searchOptions) textTerm(weight float64, text string) queryTerm {
	t := queryTerm{kind: textTerm, weight: weight, value: text, texts: []string{text}}
	if len(o.prompts) > 0 {
		t.texts = nil
		for _, p := range o.prompts {
			t.texts = append(t.texts, strings.Replace(p, "{}", tokenize.Clean(text, false), 1))
		}
	}
	t.vectors = make([][]float32, len(t.texts))
	return t
}

// title is the query for people and the machine formats: its words, or the sum that it is.
func title(terms []queryTerm) string {
	if len(terms) == 1 && terms[0].weight == 1 {
		return terms[0].value
	}
	var b strings.Builder
	for i, t := range terms {
		switch {
		case t.weight < 0 && i == 0:
			b.WriteString("- ")
		case t.weight < 0:
			b.WriteString(" - ")
		case i > 0:
			b.WriteString(" + ")
		}
		if w := math.Abs(t.weight); w != 1 {
			fmt.Fprintf(&b, "%g:", w)
		}
		b.WriteString(t.value)
	}
	return b.String()
}

// known tells whether all of a term's vectors are.
func (t *queryTerm) known() bool {
	for _, v := range t.vectors {
		if v == nil {
			return false
		}
	}
	return true
}

// direction is a term's unit vector: that of its text or picture, or the mean over its prompts.
func (t *queryTerm) direction() []float32 {
	if len(t.vectors) == 1 {
		return t.vectors[0]
	}
	sum := make([]float32, len(t.vectors[0]))
	for _, v := range t.vectors {
		for i, x := range v {
			sum[i] += x
		}
	}
	scale(sum, 1/length(sum))
	return sum
}

func length(v []float32) float64 {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	return math.Sqrt(sum)
}

func scale(v []float32, by float64) {
	for i := range v {
		v[i] = float32(float64(v[i]) * by)
	}
}

// minLength is the length, of the sum of the weights, below which a sum of unit vectors is rounding, and no direction.
const minLength = 1e-4

// The bounds of a weight: beyond, numbers of single precision tell nothing apart.
const (
	leastWeight = 1e-6
	mostWeight  = 1e6
)

// combine is the query's direction, and the length of the sum that it was.
func combine(terms []queryTerm) (vector []float32, norm float64, err error) {
	if len(terms) == 1 && terms[0].weight == 1 {
		return terms[0].direction(), 1, nil
	}
	sum := make([]float64, len(terms[0].vectors[0]))
	weights := 0.0
	for _, t := range terms {
		weights += math.Abs(t.weight)
		for i, x := range t.direction() {
			sum[i] += t.weight * float64(x)
		}
	}
	for _, x := range sum {
		norm += x * x
	}
	norm = math.Sqrt(norm)
	if norm < minLength*weights {
		return nil, 0, usageError("leave one of them out, or give weights", "the terms cancel each other out: %s", title(terms))
	}
	vector = make([]float32, len(sum))
	for i, x := range sum {
		vector[i] = float32(x / norm)
	}
	return vector, norm, nil
}

// contribution is what a term adds to a picture's score.
type contribution struct {
	Term string `json:"term"`
	// Weight is negative for a term that was subtracted.
	Weight float64 `json:"weight"`
	// Cosine is between the term and the picture; Contribution its part of the score, of which the sum is the score.
	Cosine       float64 `json:"cosine"`
	Contribution float64 `json:"contribution"`
}

func contributions(terms []queryTerm, norm float64, picture []float32) []contribution {
	list := make([]contribution, len(terms))
	for i, t := range terms {
		c := 0.0
		for j, x := range t.direction() {
			c += float64(x) * float64(picture[j])
		}
		list[i] = contribution{t.value, t.weight, round(c, 6), round(t.weight*c/norm, 6)}
	}
	return list
}

// recall fills in the vectors that are known without a model: of texts that were asked before, and of pictures that the
// index has.
func (s *session) recall(ctx context.Context, used sqlite.Model) error {
	for i := range s.terms {
		t := &s.terms[i]
		clear(t.vectors) // of another model, where this is the second one that is tried
		t.content = 0
		switch t.kind {
		case textTerm:
			for j, text := range t.texts {
				raw, ok, err := s.store.Query(ctx, used.ID, remembered(text))
				if err != nil {
					return err
				}
				if ok && len(raw) == 4*used.Dim {
					t.vectors[j] = unpackF32(raw)
				}
			}
		case likeTerm:
			id, ok, err := index.FindContent(ctx, s.store, t.value)
			if err != nil {
				return err
			}
			if !ok {
				return usageError("index it first, or use --image", "--like: %s is not in the index", escapePath(t.value))
			}
			if err := s.recallContent(ctx, t, id, used); err != nil {
				return err
			}
		case imageTerm:
			if err := s.recallImage(ctx, t, used); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *session) recallContent(ctx context.Context, t *queryTerm, id int64, used sqlite.Model) (err error) {
	t.content = id
	t.vectors[0], err = index.ContentVector(ctx, s.store, used, id)
	return err
}

// recallImage looks whether the index has a file's picture, wherever it lies.
func (s *session) recallImage(ctx context.Context, t *queryTerm, used sqlite.Model) error {
	if t.picture == nil { // it may be a pipe, which is there once
		p, err := readPicture(t.value)
		if err != nil {
			return err
		}
		t.picture = &p
	}
	known, ok, err := s.store.Content(ctx, t.picture.content.Hash, used.ID)
	if err != nil || !ok {
		return err
	}
	return s.recallContent(ctx, t, known.ID, used)
}

// embedTerms computes what recall did not find.
func (s *session) embedTerms(ctx context.Context) error {
	for i := range s.terms {
		t := &s.terms[i]
		if t.known() {
			continue
		}
		if t.kind == textTerm {
			tower, err := s.loader.Textual(ctx)
			if err != nil {
				return err
			}
			if t.vectors, err = tower.Embed(t.texts); err != nil {
				return err
			}
			continue
		}
		if t.picture == nil { // the index knows it, and has no vector of this model
			p, err := readPicture(t.value)
			if err != nil {
				return err
			}
			t.picture = &p
		}
		vector, err := embedPicture(ctx, s.loader, *t.picture)
		if err != nil {
			return err
		}
		t.vectors[0] = vector
	}
	return nil
}

// embedPicture computes a picture's vector as index does.
func embedPicture(ctx context.Context, loader *embed.Loader, p pictureFile) ([]float32, error) {
	tensor, err := p.tensor(loader.Spec())
	if err != nil {
		return nil, err
	}
	tower, err := loader.Visual(ctx)
	if err != nil {
		return nil, err
	}
	vectors, err := tower.Embed(tensor, 1)
	if err != nil {
		return nil, err
	}
	return vectors[0], nil
}

// wants tells which towers the terms still need.
func (s *session) wants() (textual, visual bool) {
	for _, t := range s.terms {
		if !t.known() {
			textual, visual = textual || t.kind == textTerm, visual || t.kind != textTerm
		}
	}
	return textual, visual
}

func unpackF32(raw []byte) []float32 {
	v := make([]float32, len(raw)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return v
}
