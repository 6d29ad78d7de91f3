package query_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/sqlite"
	"github.com/imgsearch/imgsearch/index/store"
)

// TestConcurrent: eight goroutines search with different terms and filters while the index grows.
func TestConcurrent(t *testing.T) {
	w := filled(t, 50)
	reading, err := sqlite.OpenReadOnly(t.Context(), w.path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer reading.Close()
	engine := query.New(reading, func(context.Context, store.Model) (query.Encoder, error) { return w.encoder, nil }, nil, nil, nil)
	var wg sync.WaitGroup
	done := make(chan struct{})
	for i := range 8 {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				r := query.Request{Limit: 1 + i, Explain: i%2 == 0}
				if i != 3 {
					r.Terms = []query.Term{text(1, fmt.Sprint("query ", i)), text(0.5, fmt.Sprint("with ", n%5))}
				}
				switch i % 4 {
				case 1:
					r.Filter.Names = []string{fmt.Sprintf("*%d.jpg", n%10)}
				case 2:
					r.Filter.Taken = store.Period{From: "2010-01-01T00:00:00"}
				case 3:
					r.Order = store.ByPath
				}
				a, err := engine.Search(context.Background(), r)
				if err != nil {
					t.Errorf("search %d: %v", i, err)
					return
				}
				for _, h := range a.Hits {
					if h.Path == "" || i%4 == 1 && len(r.Terms) > 0 && filepath.Base(h.Path)[2] != byte('0'+n%10) {
						t.Errorf("search %d: %+v", i, h)
						return
					}
				}
			}
		})
	}
	for round := range 8 {
		for i := range 40 {
			w.add(fmt.Sprintf("more%d/%03d.jpg", round, i), fmt.Sprint("more ", round, " ", i))
		}
		if round > 4 { // also remove files
			if err := os.RemoveAll(filepath.Join(w.dir, fmt.Sprint("more", round-4))); err != nil {
				t.Error(err)
			}
		}
		w.index(w.store)
	}
	close(done)
	wg.Wait()
	if a, err := engine.Search(t.Context(), query.Request{Terms: []query.Term{text(1, "more 7 3")}, Limit: 1}); err != nil || filepath.Base(a.Hits[0].Path) != "003.jpg" || math.Abs(a.Hits[0].Score-1) > 2e-3 {
		t.Errorf("what was indexed last: %+v, %v", a, err)
	}
}
