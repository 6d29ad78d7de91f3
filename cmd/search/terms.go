package search

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/embed/tokenize"
	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/query/parse"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/pictures"
	"github.com/imgsearch/imgsearch/internal/words"
)

// termKind is the kind of a query term.
type termKind int

const (
	textTerm  termKind = iota
	imageTerm          // a picture file
	likeTerm           // a picture in the index
)

// queryTerm is a term from the command line.
type queryTerm struct {
	query.Term

	kind termKind
	// value is a text, the absolute path of a picture, or the start of a picture's id.
	value string
}

// readTerms returns the terms from the query's words and flags.
func (o *options) readTerms() ([]queryTerm, error) {
	var terms []queryTerm
	for _, p := range o.prompts {
		if strings.Count(p, "{}") != 1 {
			return nil, cli.Usage(`write {} once where the words go: --prompt "a photo of {}"`, "invalid value for --prompt: %q", p)
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
				weight, value = parse.Weight(value)
			}
			weight *= group.sign
			if weight == 0 {
				return nil, cli.Usage("omit the term", "%s %q: the weight is 0", group.flag, value)
			}
			if w := math.Abs(weight); w < query.LeastWeight || w > query.MostWeight {
				return nil, cli.Usage("use a number between 0.000001 and 1000000", "%s %q: the weight is %v", group.flag, value, weight)
			}
			if group.kind == textTerm {
				if !utf8.ValidString(value) || tokenize.Clean(value, false) == "" {
					return nil, cli.Usage("use words, in UTF-8", "invalid value for %s: %q", group.flag, value)
				}
				terms = append(terms, o.textTerm(weight, value))
				continue
			}
			path, err := filepath.Abs(value)
			if err != nil {
				return nil, err
			}
			info, err := os.Stat(path)
			if group.kind == imageTerm && (err != nil || info.IsDir()) {
				return nil, cli.Usage("check the path", "%s: no such file: %s", group.flag, words.Path(value))
			}
			if _, _, notID := store.ParsePrefix(value); err != nil && group.kind == likeTerm && notID == nil {
				path = value
			}
			terms = append(terms, queryTerm{Term: query.Term{Weight: weight, Label: path, Picture: &pictures.Term{Path: path}}, kind: group.kind, value: path})
		}
	}
	return terms, nil
}

func (o *options) textTerm(weight float64, text string) queryTerm {
	clean := tokenize.Clean(text, false)
	t := queryTerm{Term: query.Term{Weight: weight, Label: text, Texts: []string{clean}}, value: text}
	if len(o.prompts) > 0 {
		t.Texts, t.Prompted = nil, true
		for _, p := range o.prompts {
			t.Texts = append(t.Texts, tokenize.Clean(strings.Replace(p, "{}", clean, 1), false))
		}
	}
	return t
}

// findLike finds the pictures in the index that terms name by path or id.
func (s *session) findLike(ctx context.Context) error {
	var paths []string
	for _, t := range s.terms {
		if t.kind == likeTerm {
			paths = append(paths, t.value)
		}
	}
	if len(paths) == 0 {
		return nil
	}
	if searched, err := s.searched(ctx); err != nil {
		return err
	} else if searched == "" {
		return query.ErrNoModel
	}
	known, err := s.engine.Files(ctx, "", paths)
	if err != nil {
		return err
	}
	for i := range s.terms {
		t := &s.terms[i]
		if t.kind != likeTerm {
			continue
		}
		if f, ok := known[t.value]; ok {
			t.Indexed = &f.Picture
			continue
		}
		id, isID, err := cli.FindID(ctx, s.ix, "--like: ", t.value)
		if err != nil {
			return err
		}
		if !isID {
			return cli.Usage("index it first, or use --image", "--like: %s is not in the index", words.Path(t.value))
		}
		t.Indexed = &id
		hits, err := s.engine.Hits(ctx, []store.PictureID{id}, store.Filter{})
		if err != nil {
			return err
		}
		if len(hits) > 0 { // use its file if its vector is of another model
			t.Picture = &pictures.Term{Path: hits[0].Path}
		}
	}
	return nil
}

// asked returns the terms in the engine's form.
func (s *search) asked() []query.Term {
	terms := make([]query.Term, len(s.terms))
	for i, t := range s.terms {
		terms[i] = t.Term
	}
	return terms
}
