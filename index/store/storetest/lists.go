package storetest

import (
	"fmt"
	"slices"

	"github.com/imgsearch/imgsearch/index/store"
)

func (s *suite) lists() {
	root := s.root("/p")
	var files []store.FileRecord
	for i := range 50 {
		f := file(root, fmt.Sprintf("%d", i%3), fmt.Sprintf("%02d.jpg", 99-i), fmt.Sprint(i))
		if i%5 > 0 {
			f.TakenAt = fmt.Sprintf("20%02d-01-01T00:00:00", i%20)
		}
		files = append(files, f)
	}
	s.put(files...)
	for _, order := range []store.Order{store.ByDate, store.ByPath} {
		for _, f := range []store.Filter{{}, {Names: []string{"*7.jpg", "*8.jpg"}}, {Taken: store.Period{From: "2003-01-01T00:00:00", To: "2011-01-01T00:00:00"}}} {
			all, err := s.store.List(s.Context(), store.ListQuery{Filter: f, Order: order, Limit: 1000})
			s.must(err)
			n, err := s.store.Count(s.Context(), f)
			s.must(err)
			equal(s, "count", n, len(all))
			var pages []store.PictureID
			for at := 0; ; at += 7 {
				page, err := s.store.List(s.Context(), store.ListQuery{Filter: f, Order: order, Offset: at, Limit: 7})
				s.must(err)
				if len(page) == 0 {
					break
				}
				pages = append(pages, page...)
			}
			equal(s, "pages", pages, all)
			records, err := s.store.Hits(s.Context(), all, f)
			s.must(err)
			sorted := slices.IsSortedFunc(records, func(a, b store.Record) int {
				if order == store.ByPath {
					return slices.Compare([]string{a.Files[0].Rel()}, []string{b.Files[0].Rel()})
				}
				return slices.Compare([]string{b.TakenAt}, []string{a.TakenAt})
			})
			equal(s, fmt.Sprint("sorted by ", order), sorted, true)
		}
	}
	// A few pictures that come last among many.
	const many = 1500
	files = files[:0]
	for i := range many {
		f := file(root, "many", fmt.Sprintf("%04d.png", i), fmt.Sprint("many", i))
		if i%100 > 0 {
			f.TakenAt = fmt.Sprintf("2020-01-01T00:%02d:%02d", i/60%60, i%60)
		}
		files = append(files, f)
	}
	s.put(files...)
	everything, err := s.store.List(s.Context(), store.ListQuery{Order: store.ByDate, Limit: 2 * many})
	s.must(err)
	for _, at := range []int{0, 990, 1000, 1400} { // deep pages may be read in another way
		page, err := s.store.List(s.Context(), store.ListQuery{Order: store.ByDate, Offset: at, Limit: 70})
		s.must(err)
		equal(s, fmt.Sprint("the page at ", at), page, everything[at:at+70])
	}
	last, err := s.store.List(s.Context(), store.ListQuery{Order: store.ByDate, Offset: len(everything) - 3, Limit: 70})
	s.must(err)
	equal(s, "the last page", last, everything[len(everything)-3:])
	few := store.Filter{Names: []string{"*00.png"}}
	all, err := s.store.List(s.Context(), store.ListQuery{Filter: few, Order: store.ByDate, Limit: many})
	s.must(err)
	equal(s, "the last of many", len(all), many/100)
	page, err := s.store.List(s.Context(), store.ListQuery{Filter: few, Order: store.ByDate, Offset: 5, Limit: 3})
	s.must(err)
	equal(s, "a page of them", page, all[5:8])
}
