package query_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/store"
)

// TestVerdictOfQueries: the verdict depends on the best hit that may be shown, regardless of the page, and only a single text has a verdict.
func TestVerdictOfQueries(t *testing.T) {
	w := filled(t, 60)
	c := store.Calibration{Base: 0.99, NothingBelow: 0.01, FoundAbove: 0.005, PicturesMin: 10, PicturesMax: 1000}
	ask := func(r query.Request) *query.Response {
		t.Helper()
		e := query.New(w.store, w.encoders(), func(store.Model) *store.Calibration { return &c }, nil, nil)
		r.Limit = max(r.Limit, 1)
		a, err := e.Search(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	exact := []query.Term{text(1, "picture 7")} // the direction of one of the pictures
	if a := ask(query.Request{Terms: exact}); a.Verdict != store.Found || a.Threshold == nil || *a.Threshold < 0.9 || a.Best < 0.99 {
		t.Errorf("%+v", a)
	}
	if a := ask(query.Request{Terms: exact, Offset: 30}); a.Verdict != store.Found {
		t.Errorf("on another page: %s", a.Verdict)
	}
	low := -1.0
	if a := ask(query.Request{Terms: []query.Term{text(1, "sea")}, MinScore: &low}); a.Verdict != store.Nothing || len(a.Hits) != 1 {
		t.Errorf("%s, %d hits", a.Verdict, len(a.Hits))
	}
	if a := ask(query.Request{Terms: exact, Confident: true, Limit: 60}); len(a.Hits) != 1 {
		t.Errorf("%d confident hits", len(a.Hits))
	}
	if a := ask(query.Request{Terms: []query.Term{text(1, "sea")}, Confident: true, Limit: 60}); len(a.Hits) != 0 || a.Verdict != store.Nothing {
		t.Errorf("%d confident hits, %s", len(a.Hits), a.Verdict)
	}
	if err := os.Remove(filepath.Join(w.dir, "1", "007.jpg")); err != nil {
		t.Fatal(err)
	}
	if a := ask(query.Request{Terms: exact, Missing: query.DropMissing}); a.Verdict == store.Found {
		t.Errorf("its file is gone: %+v", a)
	}
	prompted := text(1, "a picture")
	prompted.Prompted = true
	for name, terms := range map[string][]query.Term{
		"a weight": {text(2, "sea")}, "two terms": {text(1, "sea"), text(1, "sun")}, "a prompt": {prompted},
		"several texts": {{Weight: 1, Texts: []string{"a", "b"}}},
	} {
		if a := ask(query.Request{Terms: terms}); a.Verdict != "" || a.Threshold != nil {
			t.Errorf("%s: %s", name, a.Verdict)
		}
	}
	if _, err := w.engine().Search(t.Context(), query.Request{Terms: exact, Limit: 1, Confident: true}); !errors.Is(err, query.ErrNoVerdict) {
		t.Errorf("confident without a calibration: %v", err)
	}
}

// TestCalibrationOfTheIndex: a calibration measured on the index takes precedence over the one supplied with the model.
func TestCalibrationOfTheIndex(t *testing.T) {
	w := filled(t, 3)
	own := &store.Calibration{Base: -1, PicturesMin: 1, PicturesMax: 10, FoundAbove: 0.01}
	came := func(store.Model) *store.Calibration {
		return &store.Calibration{Base: 2, PicturesMin: 1, PicturesMax: 10}
	}
	e := query.New(w.store, w.encoders(), came, nil, nil)
	verdict := func() store.Verdict {
		t.Helper()
		a, err := e.Search(t.Context(), query.Request{Terms: []query.Term{text(1, "picture 1")}, Limit: 1})
		if err != nil {
			t.Fatal(err)
		}
		return a.Verdict
	}
	if got := verdict(); got != store.Nothing {
		t.Errorf("as it came: %s", got)
	}
	if err := w.store.SetCalibration(t.Context(), w.model.Identity, own); err != nil {
		t.Fatal(err)
	}
	if got := verdict(); got != store.Found {
		t.Errorf("calibrated: %s", got)
	}
}
