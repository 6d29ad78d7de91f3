package storetest

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/vec"
)

// near16 is the error of a cosine in half precision.
const near16 = 2e-3

func (s *suite) nearest() {
	const n = 300
	root, model := s.root("/p"), s.model("m")
	var files []store.FileRecord
	for i := range n {
		f := file(root, fmt.Sprint(i%4), fmt.Sprintf("%03d.jpg", i), fmt.Sprint(i))
		f.Rating, f.Rated = i%6, true
		files = append(files, f)
	}
	s.put(files...)
	s.write(func(tx store.Tx) error {
		for i := range n {
			if err := tx.PutVector(s.Context(), model, store.Vector{Picture: id(fmt.Sprint(i)), Data: vec.Pack(unit(i))}); err != nil {
				return err
			}
		}
		return nil
	})
	four := 4.0
	check := func(f store.Filter, selects func(i int) bool, limit int) {
		s.Helper()
		q := unit(7777)
		got, err := s.store.Nearest(s.Context(), store.NearestQuery{Model: model, Vector: q, Filter: f, Limit: limit})
		s.must(err)
		var want []float64
		mean := 0.0
		for i := range n {
			if selects(i) {
				want = append(want, vec.Dot(q, unit(i)))
				mean += vec.Dot(q, unit(i))
			}
		}
		slices.SortFunc(want, func(a, b float64) int { return cmp.Compare(b, a) })
		equal(s, "searched", got.Searched, len(want))
		if math.Abs(got.Mean-mean/float64(max(len(want), 1))) > near16 {
			s.Errorf("mean %v, want %v", got.Mean, mean/float64(len(want)))
		}
		if len(got.Hits) < min(limit, len(want)) {
			s.Fatalf("%d hits, want %d of %d", len(got.Hits), limit, len(want))
		}
		for i, h := range got.Hits[:min(limit, len(want))] {
			if math.Abs(h.Score-want[i]) > near16 {
				s.Errorf("hit %d has the score %v, want %v", i, h.Score, want[i])
			}
		}
	}
	for _, limit := range []int{1, 10, n, 2 * n} {
		check(store.Filter{}, func(int) bool { return true }, limit)
		check(store.Filter{Rating: store.Range{Min: &four}}, func(i int) bool { return i%6 >= 4 }, limit)
		check(store.Filter{Under: []store.Folder{{Root: root, Dir: "2"}}}, func(i int) bool { return i%4 == 2 }, limit)
		check(store.Filter{Not: []store.Filter{{Rating: store.Range{Min: &four}}}}, func(i int) bool { return i%6 < 4 }, limit)
		check(store.Filter{Pictures: []store.PictureID{id("5"), id("6")}}, func(i int) bool { return i == 5 || i == 6 }, limit)
		check(store.Filter{Pictures: []store.PictureID{}}, func(int) bool { return false }, limit)
		s.must(s.store.PrepareSearch(s.Context(), model)) // later rounds use the prepared data
	}
	s.ranksOfGone(model, files)
	vectors, err := s.store.Vectors(s.Context(), model, []store.PictureID{id("3"), id("none")})
	s.must(err)
	equal(s, "vectors", len(vectors), 1)
	if c := vec.Dot(vectors[id("3")], unit(3)); math.Abs(c-1) > near16 {
		s.Errorf("a picture's vector is at %v to itself", c)
	}
	var order []store.PictureID
	s.must(s.store.EachVector(s.Context(), model, store.Filter{Rating: store.Range{Min: &four}}, func(v store.Vector) error {
		order = append(order, v.Picture)
		return nil
	}))
	equal(s, "vectors of what a filter selects", len(order), n/3)
	if !slices.IsSortedFunc(order, func(a, b store.PictureID) int {
		return cmp.Compare(slices.IndexFunc(files, func(f store.FileRecord) bool { return f.Picture == a }), slices.IndexFunc(files, func(f store.FileRecord) bool { return f.Picture == b }))
	}) {
		s.Error("the vectors do not come in the order in which they were made")
	}
	enough := errors.New("enough")
	if err := s.store.EachVector(s.Context(), model, store.Filter{}, func(store.Vector) error { return enough }); !errors.Is(err, enough) {
		s.Errorf("the visitor's error: %v", err)
	}
	// The last vector of a picture replaces earlier ones, even if it was added after PrepareSearch.
	s.vector(model, "0", 0, unit(7777))
	got, err := s.store.Nearest(s.Context(), store.NearestQuery{Model: model, Vector: unit(7777), Limit: 1})
	s.must(err)
	if got.Hits[0].Picture != id("0") || got.Searched != n {
		s.Errorf("made again: %+v", got)
	}
	s.vector(model, "0", 0, unit(1))
	if got, err = s.store.Nearest(s.Context(), store.NearestQuery{Model: model, Vector: unit(7777), Limit: 1}); err != nil || got.Hits[0].Picture == id("0") {
		s.Errorf("the earlier vector answers: %+v, %v", got, err)
	}
	// A vector's bytes belong to the caller again after PutVector.
	buffer := vec.Pack(unit(1))
	s.write(func(tx store.Tx) error {
		err := tx.PutVector(s.Context(), model, store.Vector{Picture: id("0"), Data: buffer})
		copy(buffer, vec.Pack(unit(2)))
		return errors.Join(err, tx.PutVector(s.Context(), model, store.Vector{Picture: id("2"), Data: buffer}))
	})
	if kept, err := s.store.Vectors(s.Context(), model, []store.PictureID{id("0")}); err != nil || math.Abs(vec.Dot(kept[id("0")], unit(1))-1) > near16 {
		s.Errorf("a vector whose buffer was used again: %v, %v", kept, err)
	}
	// Pictures with equal scores are returned together.
	s.vector(model, "1", 0, unit(2))
	if got, err = s.store.Nearest(s.Context(), store.NearestQuery{Model: model, Vector: unit(2), Limit: 1}); err != nil || len(got.Hits) != 2 {
		s.Errorf("a tie: %+v, %v", got.Hits, err)
	}
	if _, err := s.store.Nearest(s.Context(), store.NearestQuery{Model: model, Vector: make([]float32, dim+1), Limit: 1}); err == nil {
		s.Error("a query of another dimension is answered")
	}
}

// alsoRanked: pictures outside the nearest have their scores and ranks.
// ranksOfGone checks the ranks of pictures that are not among the nearest, with pictures without a file above them.
func (s *suite) ranksOfGone(model string, files []store.FileRecord) {
	s.Helper()
	q := unit(7777)
	byScore := slices.Clone(files)
	score := func(f store.FileRecord) float64 { n, _ := strconv.Atoi(f.Name[:3]); return vec.Dot(q, unit(n)) }
	slices.SortFunc(byScore, func(a, b store.FileRecord) int { return cmp.Compare(score(b), score(a)) })
	last := byScore[len(byScore)-1].Picture
	ask := func(f store.Filter, want int) {
		s.Helper()
		n, err := s.store.Nearest(s.Context(), store.NearestQuery{Model: model, Vector: q, Filter: f, Limit: 1, Also: []store.PictureID{last, id("none")}})
		s.must(err)
		if got := n.Also[last]; len(n.Also) != 1 || got.Rank != want || math.Abs(got.Score-score(byScore[len(byScore)-1])) > near16 {
			s.Errorf("the last picture: %+v, want rank %d", n.Also, want)
		}
	}
	everything := store.Filter{Rating: store.Range{Min: new(0.0)}}
	ask(store.Filter{}, len(files))
	ask(everything, len(files))
	gone := byScore[:3]
	s.write(func(tx store.Tx) error {
		var places []store.Place
		for _, f := range gone {
			places = append(places, f.Place)
		}
		_, err := tx.DeleteFiles(s.Context(), places)
		return err
	})
	ask(store.Filter{}, len(files)-len(gone))
	ask(everything, len(files)-len(gone))
	s.put(gone...)
}

func (s *suite) alsoRanked() {
	root, model := s.root("/p"), s.model("m")
	for i := range 20 {
		name := fmt.Sprint(i)
		s.put(file(root, "", name+".jpg", name))
		s.vector(model, name, 0, unit(i))
	}
	s.vector(model, "7", 1, unit(3)) // a film that is as near as another picture
	s.put(file(root, "", "bare.jpg", "bare"))
	q := store.NearestQuery{Model: model, Vector: unit(3), Limit: 100}
	all, err := s.store.Nearest(s.Context(), q)
	s.must(err)
	q.Limit, q.Also = 1, []store.PictureID{id("bare"), id("unknown")}
	for i := range 20 {
		q.Also = append(q.Also, id(fmt.Sprint(i)))
	}
	few, err := s.store.Nearest(s.Context(), q)
	s.must(err)
	equal(s, "ranked pictures", len(few.Also), 20)
	for i, h := range all.Hits {
		rank := i + 1
		for rank > 1 && all.Hits[rank-2].Score == h.Score {
			rank--
		}
		equal(s, fmt.Sprint("rank ", i), few.Also[h.Picture], store.Ranked{Scored: h, Rank: rank})
	}
	q.Filter.Names = []string{"1*.jpg"}
	filtered, err := s.store.Nearest(s.Context(), q)
	s.must(err)
	equal(s, "ranked pictures that match a filter", len(filtered.Also), 11)
}

func (s *suite) moments() {
	root, model := s.root("/p"), s.model("m")
	s.put(file(root, "", "film", "film"), file(root, "", "still", "still"))
	for moment, n := range []int{50, 51, 52} {
		s.vector(model, "film", moment, unit(n))
	}
	s.vector(model, "still", 0, unit(60))
	for range 2 {
		got, err := s.store.Nearest(s.Context(), store.NearestQuery{Model: model, Vector: unit(51), Limit: 2})
		s.must(err)
		if len(got.Hits) != 2 || got.Hits[0].Picture != id("film") || got.Hits[0].Moment != 1 || math.Abs(got.Hits[0].Score-1) > near16 || got.Searched != 2 {
			s.Errorf("%+v", got)
		}
		s.must(s.store.PrepareSearch(s.Context(), model))
	}
	moments, err := s.store.Moments(s.Context(), model, []store.PictureID{id("film"), id("still"), id("none")})
	s.must(err)
	if len(moments) != 2 || len(moments[id("film")]) != 3 || len(moments[id("still")]) != 1 {
		s.Fatalf("moments: %+v", moments)
	}
	if last := moments[id("film")][2]; last.Number != 2 || last.Time == nil || *last.Time != 2*time.Second || last.Picture != id("film") || math.Abs(vec.Dot(vec.Unpack(last.Data), unit(52))-1) > near16 {
		s.Errorf("the last moment: %+v", last)
	}
	vectors, err := s.store.Vectors(s.Context(), model, []store.PictureID{id("film")})
	s.must(err)
	if c := vec.Dot(vectors[id("film")], unit(50)); math.Abs(c-1) > near16 {
		s.Errorf("the first moment is at %v", c)
	}
}
