package sqlite_test

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/imgsearch/imgsearch/index/sqlite"
	"github.com/imgsearch/imgsearch/index/store"
)

// TestAnswersAreKept asks the same repeatedly: the answer stays the same while the index does, is the caller's own, and is another one after each change by
// another process, and for another filter or limit.
func TestAnswersAreKept(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	path := filled(t, 100)
	spread(t, path, r)
	s, err := sqlite.OpenReadOnly(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	q := store.NearestQuery{Model: "m", Vector: unit(r), Limit: 5}
	nearest := func(q store.NearestQuery) store.Nearest {
		t.Helper()
		n, err := s.Nearest(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for range 3 {
		first := nearest(q)
		kept := nearest(q)
		if !reflect.DeepEqual(first, kept) || len(kept.Hits) != 5 {
			t.Fatalf("%+v\nthen %+v", first, kept)
		}
		kept.Hits[0] = store.Scored{}
		if !reflect.DeepEqual(nearest(q), first) {
			t.Error("a caller has changed what is kept")
		}
		fresh, err := sqlite.OpenReadOnly(t.Context(), path, sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		truth, err := fresh.Nearest(t.Context(), q)
		fresh.Close()
		if err != nil || !reflect.DeepEqual(truth.Hits, first.Hits) {
			t.Errorf("%+v\nwant %+v (%v)", first.Hits, truth.Hits, err)
		}
		more := q
		if more.Limit = 7; len(nearest(more).Hits) != 7 {
			t.Error("another limit has the same answer")
		}
		some := q
		if some.Filter.Pictures = []store.PictureID{first.Hits[3].Picture}; len(nearest(some).Hits) != 1 {
			t.Error("another filter has the same answer")
		}
		other := q
		if other.Vector = unit(r); reflect.DeepEqual(nearest(other).Hits, first.Hits) {
			t.Error("another query has the same answer")
		}
		spread(t, path, r)
		if reflect.DeepEqual(nearest(q).Hits, first.Hits) {
			t.Error("the index has changed, and the answer has not")
		}
	}
}
