package query_test

import (
	"testing"

	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/store"
)

// TestLanguage checks that a text is embedded and stored once per language, and that a missing language gives a notice.
func TestLanguage(t *testing.T) {
	w := newWorld(t)
	w.add("a", "green")
	w.index(w.store)
	engine := query.New(w.store, w.encoders(), nil, func(m store.Model, language string) (string, bool) {
		if language == "" {
			return "", true
		}
		return language + " ", true
	}, nil)
	ask := func(language string) *query.Response {
		t.Helper()
		r, err := engine.Search(t.Context(), query.Request{Terms: []query.Term{{Weight: 1, Label: "dog", Texts: []string{"dog"}}}, Language: language, Limit: 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := engine.Remember(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	for i, c := range []struct {
		language string
		embedded int64
		notices  int
	}{{"green", 1, 0}, {"red", 2, 0}, {"green", 2, 0}, {"", 3, 1}, {"", 3, 1}} {
		r := ask(c.language)
		if got := w.encoder.texts.Load(); got != c.embedded || len(r.Notices) != c.notices {
			t.Errorf("question %d: %d texts were embedded, want %d; notices %v", i, got, c.embedded, r.Notices)
		}
	}
	if green, red := ask("green").Best, ask("red").Best; green == red {
		t.Errorf("the score is %v in both languages", green)
	}
}
