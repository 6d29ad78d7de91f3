package cmd

import (
	"context"
	"encoding/binary"
	"math"
	"time"

	"github.com/imgsearch/imgsearch/embed/tokenize"
	"github.com/imgsearch/imgsearch/index/sqlite"
)

// openRemembered answers a query that the index's model was asked before: without the model. known tells that it did.
func (s *session) openRemembered(ctx context.Context) (known bool, err error) {
	if s.queries != "" || s.model != (askedModel{}) {
		return false, nil
	}
	used, ok, err := s.store.DefaultModel(ctx)
	if err != nil || !ok {
		return false, err
	}
	begin := time.Now()
	if err := s.recall(ctx, used); err != nil {
		return false, err
	}
	if textual, visual := s.wants(); textual || visual {
		return false, nil
	}
	have, all, err := s.store.Coverage(ctx, used.ID)
	if err != nil || have == 0 {
		return false, err
	}
	if err := s.open(ctx, used, have, all); err != nil {
		return false, err
	}
	if s.listed.needVectors() {
		return false, s.searcher.Close() // they need the model
	}
	s.app.logf("a query that was asked before: no model is loaded")
	return true, s.answer(ctx, begin)
}

// remembered is what a text is remembered under.
func remembered(text string) string { return tokenize.Clean(text, false) }

// unknownTexts are the terms with texts that were not asked before.
func (s *session) unknownTexts() (terms []*queryTerm) {
	for i := range s.terms {
		if t := &s.terms[i]; t.kind == textTerm && !t.known() {
			terms = append(terms, t)
		}
	}
	return terms
}

// remember keeps the vectors of texts that were asked for the first time, and the text tower's copy that the next query is
// quicker with. Both only save time.
func (s *session) remember(ctx context.Context, asked []*queryTerm) {
	for _, t := range asked {
		for i, text := range t.texts {
			raw := make([]byte, 0, 4*len(t.vectors[i]))
			for _, v := range t.vectors[i] {
				raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
			}
			if err := sqlite.RememberQuery(ctx, s.store.Path(), s.used, remembered(text), raw); err != nil {
				s.app.logf("the query is not remembered: %v", err)
			}
		}
	}
	if len(asked) > 0 {
		s.loader.Close() // what crashes from here on is no accelerator's fault
		s.app.prepareOnce(ctx, s.loader, "")
	}
}
