package sqlite_test

import (
	"database/sql"
	"errors"
	"math/rand/v2"
	"net/url"
	"os"
	"testing"

	"github.com/imgsearch/imgsearch/index/sqlite"
	"github.com/imgsearch/imgsearch/index/store"
)

// raw opens the database of an index as any SQLite program does.
func raw(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath())
	must(t, err)
	t.Cleanup(func() { db.Close() })
	return db
}

// flipVectors changes one bit in the vectors of the rows 1..n of an index, each at another place.
func flipVectors(t *testing.T, path string, r *rand.Rand, n int) {
	t.Helper()
	db := raw(t, path)
	for i := range n {
		var seq int64
		var vector []byte
		if err := db.QueryRow("SELECT seq, vector FROM embeddings ORDER BY seq LIMIT 1 OFFSET ?", i).Scan(&seq, &vector); err != nil {
			t.Fatal(err)
		}
		at := r.IntN(len(vector) * 8)
		vector[at/8] ^= 1 << (at % 8)
		if _, err := db.Exec("UPDATE embeddings SET vector = ? WHERE seq = ?", vector, seq); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDamagedVectors flips bits of vectors in the index. Every one must be found, and repair must delete them and nothing else; a search must
// not show wrong scores.
func TestDamagedVectors(t *testing.T) {
	const n, flips = 100, 40
	r := rand.New(rand.NewPCG(5, 6))
	path := filled(t, n)
	spread(t, path, r)
	open := func() *sqlite.Store {
		t.Helper()
		s, err := sqlite.Open(t.Context(), path, sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	s := open()
	must(t, s.PrepareSearch(t.Context(), "m"))
	query := unit(r)
	nearest := func(s *sqlite.Store) store.Nearest {
		t.Helper()
		found, err := s.Nearest(t.Context(), store.NearestQuery{Model: "m", Vector: query, Limit: n})
		must(t, err)
		return found
	}
	want := nearest(s)
	if d, err := s.CheckVectors(t.Context()); err != nil || d.Vectors != 0 || len(d.Copies) != 0 || want.IndexDamaged {
		t.Fatalf("before: %+v, %v", d, err)
	}
	must(t, s.Close())
	flipVectors(t, path, r, flips)
	s = open()
	if d, err := s.CheckVectors(t.Context()); err != nil || d.Vectors != flips || len(d.Copies) != 0 {
		t.Errorf("%+v, %v; want %d damaged vectors", d, err, flips)
	}
	got := nearest(s)
	if !got.IndexDamaged || got.Damaged || len(got.Hits) != n {
		t.Errorf("damaged %v, file damaged %v, %d hits", got.IndexDamaged, got.Damaged, len(got.Hits))
	}
	for i, h := range got.Hits {
		if h != want.Hits[i] {
			t.Errorf("hit %d: %+v, want %+v", i, h, want.Hits[i])
		}
	}
	if dropped, err := s.DropUnfit(t.Context()); err != nil || dropped != flips {
		t.Errorf("dropped %d, %v", dropped, err)
	}
	must(t, s.RebuildSearch(t.Context()))
	if d, err := s.CheckVectors(t.Context()); err != nil || d.Vectors != 0 || len(d.Copies) != 0 {
		t.Errorf("after the repair: %+v, %v", d, err)
	}
	if got := nearest(s); got.IndexDamaged || len(got.Hits) != n-flips {
		t.Errorf("after the repair: damaged %v, %d hits", got.IndexDamaged, len(got.Hits))
	}
}

// TestSalvageDropsDamagedVectors checks that a new index made of a damaged one does not contain its damaged vectors.
func TestSalvageDropsDamagedVectors(t *testing.T) {
	const n, flips = 50, 10
	r := rand.New(rand.NewPCG(7, 8))
	path := filled(t, n)
	spread(t, path, r)
	s, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	must(t, err)
	must(t, s.PrepareSearch(t.Context(), "m"))
	must(t, s.Close())
	flipVectors(t, path, r, flips)
	if _, err := sqlite.Salvage(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if got := countsOf(t, path); got.embedded != n-flips {
		t.Errorf("%d vectors, want %d", got.embedded, n-flips)
	}
}

// TestRebuilt checks that a run of the indexer rebuilds a damaged vector file, and says so, whether vectors are new or not.
func TestRebuilt(t *testing.T) {
	const n = 20
	r := rand.New(rand.NewPCG(9, 10))
	path := filled(t, n)
	spread(t, path, r)
	s, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	must(t, err)
	defer s.Close()
	must(t, s.PrepareSearch(t.Context(), "m"))
	for _, more := range []int{0, 5} {
		file := vectorFile(t, path)
		data, err := os.ReadFile(file)
		must(t, err)
		data[len(data)-20] ^= 1
		must(t, os.WriteFile(file, data, 0o600))
		if d, err := s.CheckVectors(t.Context()); err != nil || d.Vectors != 0 || len(d.Copies) != 1 {
			t.Errorf("%+v, %v", d, err)
		}
		fill(t, s, n+more)
		err = s.PrepareSearch(t.Context(), "m")
		if repaired, ok := errors.AsType[*store.RepairedError](err); !ok || !repaired.Rebuilt || repaired.Deleted != 0 {
			t.Errorf("%d more: %v", more, err)
		}
		must(t, s.PrepareSearch(t.Context(), "m"))
		if d, err := s.CheckVectors(t.Context()); err != nil || d.Vectors != 0 || len(d.Copies) != 0 {
			t.Errorf("afterwards: %+v, %v", d, err)
		}
	}
}

// TestDamagedQuery checks that a stored query whose vector or text has changed is not an answer.
func TestDamagedQuery(t *testing.T) {
	path := filled(t, 1)
	s, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	must(t, err)
	defer s.Close()
	r := rand.New(rand.NewPCG(11, 12))
	must(t, s.RememberQueries(t.Context(), "m", map[string][]float32{"dog": unit(r), "cat": unit(r), "cow": unit(r)}))
	db := raw(t, path)
	_, err = db.Exec("UPDATE queries SET vector = (SELECT vector FROM queries WHERE text = 'cat') WHERE text = 'dog'")
	must(t, err)
	_, err = db.Exec("UPDATE queries SET vector = CAST(X'00' || substr(vector, 2) AS BLOB) WHERE text = 'cow'")
	must(t, err)
	known, err := s.Queries(t.Context(), "m", []string{"dog", "cat", "cow"})
	must(t, err)
	if len(known) != 1 || known["cat"] == nil {
		t.Errorf("%d answers", len(known))
	}
}

// TestDamagedBeforeIndexing checks that an invalid vector is reported when it is left out: by a search over vectors that are not in the
// file yet, and by the run that deletes it.
func TestDamagedBeforeIndexing(t *testing.T) {
	const n = 20
	r := rand.New(rand.NewPCG(15, 16))
	path := filled(t, n)
	spread(t, path, r)
	_, err := raw(t, path).Exec("UPDATE embeddings SET vector = X'ff7b' || substr(vector, 3) WHERE seq = (SELECT min(seq) FROM embeddings)") // 65504
	must(t, err)
	s, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	must(t, err)
	defer s.Close()
	query := make([]float32, 64)
	query[0] = 1
	found, err := s.Nearest(t.Context(), store.NearestQuery{Model: "m", Vector: query, Limit: 5})
	if err != nil || !found.IndexDamaged || len(found.Hits) != 5 || found.Hits[0].Score > 1.01 || found.Mean > 1 {
		t.Errorf("%+v, %v", found, err)
	}
	err = s.PrepareSearch(t.Context(), "m")
	if repaired, ok := errors.AsType[*store.RepairedError](err); !ok || repaired.Rebuilt || repaired.Deleted != 1 {
		t.Errorf("%v", err)
	}
	must(t, s.PrepareSearch(t.Context(), "m"))
	must(t, s.Close())
	if got := countsOf(t, path); got.embedded != n-1 {
		t.Errorf("%d vectors, want %d", got.embedded, n-1)
	}
}
