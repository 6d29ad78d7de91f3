package storetest

import (
	"fmt"
	"sync"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
)

// concurrent runs searches while a writer commits: each search must see a committed state, and none may fail.
func (s *suite) concurrent() {
	const searchers, rounds = 8, 25
	root, model := s.root("/p"), s.model("m")
	var wg sync.WaitGroup
	done := make(chan struct{})
	for i := range searchers {
		wg.Go(func() {
			for last := 0; ; {
				select {
				case <-done:
					return
				default:
				}
				f := store.Filter{}
				if i%2 == 1 {
					f.Names = []string{fmt.Sprintf("*%d.jpg", i)}
				}
				got, err := s.store.Nearest(s.Context(), store.NearestQuery{Model: model, Vector: unit(i), Filter: f, Limit: 5})
				if err != nil {
					s.Error(err)
					return
				}
				if i%2 == 0 && got.Searched < last {
					s.Errorf("%d pictures were searched, and %d before", got.Searched, last)
				}
				last = got.Searched
				ids := make([]store.PictureID, len(got.Hits))
				for j, h := range got.Hits {
					ids[j] = h.Picture
				}
				if _, err := s.store.Hits(s.Context(), ids, f); err != nil {
					s.Error(err)
					return
				}
			}
		})
	}
	for round := range rounds {
		var files []store.FileRecord
		for i := range 10 {
			files = append(files, file(root, fmt.Sprint(round), fmt.Sprintf("%d.jpg", i), fmt.Sprint(round, i)))
		}
		s.put(files...)
		for i := range 10 {
			s.vector(model, fmt.Sprint(round, i), 0, unit(round*10+i))
		}
		if round%5 == 4 {
			s.must(s.store.PrepareSearch(s.Context(), model))
		}
		time.Sleep(time.Millisecond)
	}
	close(done)
	wg.Wait()
	got, err := s.store.Nearest(s.Context(), store.NearestQuery{Model: model, Vector: unit(1), Limit: 1})
	s.must(err)
	equal(s, "searched in the end", got.Searched, 10*rounds)
}
