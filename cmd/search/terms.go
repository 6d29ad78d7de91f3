package search

import (
	"context"
	"os"
	"path/filepath"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/ask"
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
	if err := ask.CheckPrompts(o.prompts, cli.Flag); err != nil {
		return nil, cli.WrongValue(err)
	}
	if !ask.IsEmpty(o.query) {
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
			weight := group.sign
			if !group.plain {
				var err error
				if weight, value, err = ask.Weighted(value, group.sign, group.flag); err != nil {
					return nil, cli.WrongValue(err)
				}
			}
			if group.kind == textTerm {
				if err := ask.CheckText(value, group.flag); err != nil {
					return nil, cli.WrongValue(err)
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
	return queryTerm{Term: ask.Text(weight, text, o.prompts), value: text}
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
	if err := s.open(ctx); err != nil {
		return err
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
