package query_test

import (
	"testing"

	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/store"
)

// TestEpochs checks that the vectors of texts that were remembered before the model's results were doubted are computed again, and those since
// then are not.
func TestEpochs(t *testing.T) {
	w := filled(t, 3)
	epoch := ""
	engine := query.New(w.store, w.encoders(), nil, nil, func(store.Model) string { return epoch })
	asked := func() bool {
		t.Helper()
		a, err := engine.Search(t.Context(), query.Request{Limit: 1, Terms: []query.Term{{Texts: []string{"waves"}, Weight: 1}}})
		if err != nil {
			t.Fatal(err)
		}
		if err := engine.Remember(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		return a.Asked()
	}
	for _, c := range []struct {
		epoch string
		asked bool
	}{{"", true}, {"", false}, {"\x001", true}, {"\x001", false}, {"\x002", true}, {"\x002", false}} {
		epoch = c.epoch
		if got := asked(); got != c.asked {
			t.Errorf("epoch %q: the model was asked: %v, want %v", c.epoch, got, c.asked)
		}
	}
}
