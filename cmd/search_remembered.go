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
	raw, ok, err := s.store.Query(ctx, used.ID, s.remembered())
	if err != nil || !ok || len(raw) != 4*used.Dim {
		return false, err
	}
	have, all, err := s.store.Coverage(ctx, used.ID)
	if err != nil || have == 0 {
		return false, err
	}
	if err := s.open(ctx, used, have, all); err != nil {
		return false, err
	}
	s.app.logf("a query that was asked before: no model is loaded")
	vector := make([]float32, used.Dim)
	for i := range vector {
		vector[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return true, s.answer(ctx, vector, begin)
}

// remembered is what a query is remembered under.
func (s *session) remembered() string { return tokenize.Clean(s.query, false) }

// remember keeps the query's vector, and the text tower's copy that the next query is quicker with. Both only save time.
func (s *session) remember(ctx context.Context, vector []float32) {
	raw := make([]byte, 0, 4*len(vector))
	for _, v := range vector {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	if err := sqlite.RememberQuery(ctx, s.store.Path(), s.used, s.remembered(), raw); err != nil {
		s.app.logf("the query is not remembered: %v", err)
	}
	s.app.prepareOnce(ctx, s.loader, "")
}
