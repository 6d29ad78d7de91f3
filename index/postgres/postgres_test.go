package postgres_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/imgsearch/imgsearch/index/postgres"
	"github.com/imgsearch/imgsearch/index/sqlite"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/testkit/pgserver"
	"github.com/imgsearch/imgsearch/internal/vec"
)

const dim = 32

// randomVector returns a vector of one of a few themes, as pictures have.
func randomVector(r *rand.Rand) []float32 {
	theme := rand.New(rand.NewPCG(r.Uint64N(50), 1))
	v := make([]float32, dim)
	for i := range v {
		v[i] = float32(theme.NormFloat64() + r.NormFloat64()/2)
	}
	vec.Scale(v, 1/vec.Length(v))
	return v
}

// fill adds n pictures with the same content to stores, whose roots have different ids.
func fill(t *testing.T, n int, stores ...store.Store) (model string, roots []store.RootID) {
	t.Helper()
	model = "m"
	for _, s := range stores {
		root, err := s.AddRoot(t.Context(), "/photos", true)
		must(t, err)
		roots = append(roots, root.ID)
		_, err = s.PutModel(t.Context(), store.Model{Identity: model, Name: "m", Ref: "m", Dim: dim, Precision: "fp32"})
		must(t, err)
		r := rand.New(rand.NewPCG(1, 2))
		tx, err := s.Begin(t.Context())
		must(t, err)
		defer tx.Rollback()
		for i := range n {
			var id store.PictureID
			binary.BigEndian.PutUint64(id[:], uint64(i)*2654435761)
			must(t, tx.PutPicture(t.Context(), store.Picture{ID: id, Format: "jpeg", Width: 30 + i%20, Height: 40, Orientation: 1}))
			must(t, tx.PutVector(t.Context(), model, store.Vector{Picture: id, Data: vec.Pack(randomVector(r))}))
			_, err := tx.PutFile(t.Context(), store.FileRecord{
				File:    store.File{Place: store.Place{Root: root.ID, Dir: fmt.Sprint(i % 7), Name: fmt.Sprintf("%d.jpg", i)}, Stat: store.Stat{Size: 10, MTimeNS: 1}, Device: 1, MetaVersion: 1},
				Picture: id, Format: "jpeg", Metadata: store.Metadata{TakenAt: fmt.Sprintf("20%02d-07-01", i%20), Camera: fmt.Sprintf("Acme %d", i%5), OwnerMetadata: store.OwnerMetadata{Rating: i % 6, Rated: true}},
			})
			must(t, err)
		}
		must(t, tx.Commit(t.Context()))
		must(t, s.PrepareSearch(t.Context(), model))
	}
	return model, roots
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestSameHits compares exact searches with those of SQLite.
func TestSameHits(t *testing.T) {
	server := pgserver.Start(t)
	pg := open(t, server.Database(t))
	defer pg.Close()
	lite, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "i.db"), sqlite.Options{})
	must(t, err)
	defer lite.Close()
	model, roots := fill(t, 3000, pg, lite)
	r := rand.New(rand.NewPCG(3, 4))
	four := 4.0
	for range 60 {
		kind := r.IntN(6)
		filter := func(root store.RootID) store.Filter {
			return []store.Filter{
				{}, {Rating: store.Range{Min: &four}}, {Under: []store.Folder{{Root: root, Dir: "3"}}}, {Names: []string{"*7.jpg"}}, {Taken: store.Period{From: "2005", To: "2009"}},
				{Cameras: []store.Words{{"acme", "3"}}, Not: []store.Filter{{Names: []string{"1*"}}}},
			}[kind]
		}
		q := store.NearestQuery{Model: model, Vector: randomVector(r), Limit: 1 + r.IntN(40), Filter: filter(roots[0])}
		got, err := pg.Nearest(t.Context(), q)
		must(t, err)
		q.Filter = filter(roots[1])
		want, err := lite.Nearest(t.Context(), q)
		must(t, err)
		if got.Searched != want.Searched || math.Abs(got.Mean-want.Mean) > 1e-5 || len(got.Hits) != len(want.Hits) {
			t.Fatalf("%s: %d of %d, mean %v; want %d of %d, mean %v", q.Filter.String(), len(got.Hits), got.Searched, got.Mean, len(want.Hits), want.Searched, want.Mean)
		}
		for i, h := range got.Hits {
			if h.Picture != want.Hits[i].Picture || math.Abs(h.Score-want.Hits[i].Score) > 1e-4 {
				t.Fatalf("%s: hit %d is %+v, want %+v", q.Filter.String(), i, h, want.Hits[i])
			}
		}
	}
}

// TestApproximate compares searches with the approximate indexes with exact ones, without a filter, with a filter that selects more pictures than are
// compared exactly, and with one that selects fewer.
func TestApproximate(t *testing.T) {
	server := pgserver.Start(t)
	pg := open(t, server.Database(t))
	defer pg.Close()
	pg.SetExact(500)
	model, _ := fill(t, 4000, pg)
	if has, err := postgres.HasIndexes(pg, t.Context(), 1); err != nil || !has {
		t.Fatalf("approximate indexes: %v, %v", has, err)
	}
	r := rand.New(rand.NewPCG(3, 4))
	three, five := 3.0, 5.0
	for _, f := range []store.Filter{{}, {Rating: store.Range{Min: &three}}, {Rating: store.Range{Min: &five}, Taken: store.Period{From: "2005", To: "2009"}}} {
		found, all := 0, 0
		for range 40 {
			q := store.NearestQuery{Model: model, Vector: randomVector(r), Filter: f, Limit: 10}
			got, err := pg.Nearest(t.Context(), q)
			must(t, err)
			q.Also = []store.PictureID{got.Hits[0].Picture, got.Hits[len(got.Hits)-1].Picture}
			q.Exact = true
			want, err := pg.Nearest(t.Context(), q)
			must(t, err)
			if got.Searched != want.Searched || math.Abs(got.Mean-want.Mean) > 0.1 || len(got.Hits) != len(want.Hits) {
				t.Fatalf("%s: %d of %d; want %d of %d", f.String(), len(got.Hits), got.Searched, len(want.Hits), want.Searched)
			}
			has := make(map[store.PictureID]float64)
			for _, h := range got.Hits {
				has[h.Picture] = h.Score
			}
			for _, h := range want.Hits {
				all++
				if score, ok := has[h.Picture]; ok {
					found++
					if math.Abs(score-h.Score) > 1e-6 {
						t.Errorf("score %v, want %v", score, h.Score)
					}
				}
			}
			q.Exact = false
			estimated, err := pg.Nearest(t.Context(), q)
			must(t, err)
			if len(estimated.Also) != 2 {
				t.Errorf("%d ranks, want 2", len(estimated.Also))
			}
			for picture, exact := range want.Also { // the sample is all 4,000 vectors
				if got := estimated.Also[picture]; got.Score != exact.Score || f.IsAll() && got.Rank != exact.Rank || got.Rank > 2*exact.Rank+10 {
					t.Errorf("%s: rank %+v, want %+v", f.String(), got, exact)
				}
			}
		}
		if recall := float64(found) / float64(all); recall < 0.98 {
			t.Errorf("%s: recall@10 %.3f", f.String(), recall)
		}
	}
}

// TestReader checks that a role that only reads can search, and is told so when it writes.
func TestReader(t *testing.T) {
	server := pgserver.Start(t)
	url := server.Database(t)
	pg := open(t, url)
	model, _ := fill(t, 10, pg)
	defer pg.Close()
	conn, err := pgx.Connect(t.Context(), url)
	must(t, err)
	defer conn.Close(t.Context())
	role := strings.ReplaceAll(conn.Config().Database, "test", "reader")
	_, err = conn.Exec(t.Context(), "CREATE ROLE "+role+" LOGIN; GRANT USAGE ON SCHEMA imgsearch TO "+role+"; GRANT SELECT ON ALL TABLES IN SCHEMA imgsearch TO "+role)
	must(t, err)
	readerURL := server.URL(role, conn.Config().Database)
	reader, err := postgres.OpenReadOnly(t.Context(), readerURL, postgres.Options{Host: "reader"})
	must(t, err)
	defer reader.Close()
	v := randomVector(rand.New(rand.NewPCG(1, 1)))
	n, err := reader.Nearest(t.Context(), store.NearestQuery{Model: model, Vector: v, Limit: 3})
	must(t, err)
	if len(n.Hits) != 3 {
		t.Errorf("%d hits", len(n.Hits))
	}
	must(t, reader.RememberQueries(t.Context(), model, map[string][]float32{"dog": v}))
	if known, err := reader.Queries(t.Context(), model, []string{"dog"}); err != nil || len(known) > 0 {
		t.Errorf("a reader stored a query: %v, %v", known, err)
	}
	if _, err := reader.AddRoot(t.Context(), "/x", true); !errors.Is(err, store.ErrRole) || !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("a reader added a root: %v", err)
	}
	if _, err := postgres.Open(t.Context(), readerURL, postgres.Options{Host: "reader"}); !errors.Is(err, store.ErrRole) {
		t.Errorf("opened for changes: %v", err)
	}
	roots, err := reader.Roots(t.Context())
	must(t, err)
	if len(roots) != 1 || !roots[0].Elsewhere || roots[0].Path != "tester:/photos" {
		t.Errorf("roots of another machine: %+v", roots)
	}
}

func TestErrors(t *testing.T) {
	server := pgserver.Start(t)
	o := postgres.Options{Host: "tester"}
	if _, err := postgres.OpenReadOnly(t.Context(), server.Database(t), o); !errors.Is(err, store.ErrNoIndex) {
		t.Errorf("an empty database: %v", err)
	}
	if _, err := postgres.Open(t.Context(), server.URL(server.User, "none"), o); !errors.Is(err, store.ErrNoDatabase) {
		t.Errorf("no database: %v", err)
	}
	if _, err := postgres.Open(t.Context(), server.URL("stranger", "postgres"), o); !errors.Is(err, store.ErrLogin) {
		t.Errorf("no role: %v", err)
	}
	for _, url := range []string{"postgres://a:secret@127.0.0.1:1/x?sslmode=disable", "postgres://a:secret@nowhere.invalid/x", "postgres://a@127.0.0.1:1/x?password=secret", "postgres://a:secret@%zz/x", "postgres://a:secret@h:port/x", "postgres://a:secret@h/x?sslmode=none",
		"postgres://a:#secret@127.0.0.1:1/x", "postgres://a:?secret@127.0.0.1:1/x", "postgres://a:/secret@127.0.0.1:1/x", "postgres://a:b@secret@127.0.0.1:1/x", "postgres://a@127.0.0.1:1/x?PASSWORD=secret", "postgres://a@127.0.0.1:1/x#secret"} {
		_, err := postgres.Open(t.Context(), url, o)
		if err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(postgres.Location(url), "secret") {
			t.Errorf("%s: %v", url, err)
		}
	}
	url := server.Database(t)
	conn, err := pgx.Connect(t.Context(), url)
	must(t, err)
	defer conn.Close(t.Context())
	role := strings.ReplaceAll(conn.Config().Database, "test", "owner")
	_, err = conn.Exec(t.Context(), "CREATE ROLE "+role+" LOGIN; GRANT CREATE ON DATABASE "+conn.Config().Database+" TO "+role)
	must(t, err)
	var missing *store.ExtensionError
	if _, err := postgres.Open(t.Context(), server.URL(role, conn.Config().Database), o); !errors.As(err, &missing) || missing.Available == "" {
		t.Errorf("without the extension: %v", err)
	}
	_, err = conn.Exec(t.Context(), "CREATE EXTENSION vector")
	must(t, err)
	s, err := postgres.Open(t.Context(), server.URL(role, conn.Config().Database), o) // the owner of the index need not be a superuser
	must(t, err)
	defer s.Close()
	fill(t, 5, s)
	_, err = conn.Exec(t.Context(), "UPDATE imgsearch.meta SET value = '1000' WHERE key = 'schema'")
	must(t, err)
	if _, err := postgres.OpenReadOnly(t.Context(), url, o); !errors.Is(err, store.ErrNewer) {
		t.Errorf("a newer schema: %v", err)
	}
}

// TestIntegrity checks that the counts agree with the tables after changes of all kinds, and that a difference is found.
func TestIntegrity(t *testing.T) {
	server := pgserver.Start(t)
	url := server.Database(t)
	pg := open(t, url)
	defer pg.Close()
	_, roots := fill(t, 200, pg)
	tx, err := pg.Begin(t.Context())
	must(t, err)
	defer tx.Rollback()
	_, err = tx.DeleteBelow(t.Context(), []store.Folder{{Root: roots[0], Dir: "3"}})
	must(t, err)
	must(t, tx.Commit(t.Context()))
	findings, err := pg.Integrity(t.Context())
	must(t, err)
	if len(findings) > 0 {
		t.Errorf("findings: %q", findings)
	}
	conn, err := pgx.Connect(t.Context(), url)
	must(t, err)
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), "UPDATE imgsearch.roots SET files = files + 1; UPDATE imgsearch.models SET embedded = 1")
	must(t, err)
	if findings, err = pg.Integrity(t.Context()); err != nil || len(findings) != 2 {
		t.Errorf("findings: %q, %v", findings, err)
	}
}

// TestMachines checks what two machines that use one index see of each other's disks, models and deleted pictures.
func TestMachines(t *testing.T) {
	server := pgserver.Start(t)
	url := server.Database(t)
	a := open(t, url)
	defer a.Close()
	model, roots := fill(t, 5, a)
	b, err := postgres.Open(t.Context(), url, postgres.Options{Host: "other"})
	must(t, err)
	defer b.Close()
	write := func(s *postgres.Store, work func(store.Tx) error) {
		t.Helper()
		tx, err := s.Begin(t.Context())
		must(t, err)
		defer tx.Rollback()
		must(t, work(tx))
		must(t, tx.Commit(t.Context()))
	}
	devices := func(s *postgres.Store) map[uint64]bool {
		d, err := s.Devices(t.Context(), roots[0])
		must(t, err)
		return d
	}
	if d := devices(b); len(d) != 0 {
		t.Errorf("a machine that has not read the disk: %v", d)
	}
	write(b, func(tx store.Tx) error { return tx.Redevice(t.Context(), roots[0], 0, 55) })
	if d := devices(b); len(d) != 1 || !d[55] {
		t.Errorf("after it has found the files: %v", d)
	}
	if d := devices(a); len(d) != 1 || !d[1] {
		t.Errorf("the other machine's number: %v", d)
	}

	// A picture that another machine drops between PutVector and Commit leaves no vector.
	id := store.PictureID{9}
	write(a, func(tx store.Tx) error {
		return tx.PutPicture(t.Context(), store.Picture{ID: id, Format: "jpeg", Width: 1, Height: 1, Orientation: 1})
	})
	tx, err := a.Begin(t.Context())
	must(t, err)
	defer tx.Rollback()
	must(t, tx.PutVector(t.Context(), model, store.Vector{Picture: id, Data: vec.Pack(randomVector(rand.New(rand.NewPCG(1, 1))))}))
	write(b, func(tx store.Tx) error { _, err := tx.DropOrphans(t.Context(), time.Now().Add(time.Hour)); return err })
	if err := tx.Commit(t.Context()); err == nil {
		t.Error("a vector of a picture that was dropped")
	}
	if findings, err := a.Integrity(t.Context()); err != nil || len(findings) > 0 {
		t.Errorf("findings: %q, %v", findings, err)
	}

	// A new model, and one that is dropped, do not wait for a slow reader, nor does a search.
	conn, err := pgx.Connect(t.Context(), url)
	must(t, err)
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), "BEGIN; SELECT count(*) FROM imgsearch.vectors")
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err = b.PutModel(ctx, store.Model{Identity: "second", Name: "second", Dim: 3, Precision: "fp32"})
	must(t, err)
	_, err = a.Nearest(ctx, store.NearestQuery{Model: model, Vector: randomVector(rand.New(rand.NewPCG(1, 1))), Limit: 1})
	must(t, err)
	_, err = conn.Exec(t.Context(), "COMMIT")
	must(t, err)
	must(t, b.DropModel(t.Context(), "second"))

	// Two machines index different roots at once; the whole index is locked by nobody meanwhile, and no machine indexes twice.
	second, err := b.AddRoot(t.Context(), "/second", true)
	must(t, err)
	var held []store.Lock
	for _, take := range []func() (store.Lock, error){
		func() (store.Lock, error) { return a.LockHost(t.Context()) }, func() (store.Lock, error) { return b.LockHost(t.Context()) },
		func() (store.Lock, error) { return a.Lock(t.Context(), roots[0]) }, func() (store.Lock, error) { return b.Lock(t.Context(), second.ID) },
	} {
		l, err := take()
		must(t, err)
		held = append(held, l)
	}
	for what, take := range map[string]func() (store.Lock, error){
		"the whole index": func() (store.Lock, error) { return a.Lock(t.Context()) }, "a machine twice": func() (store.Lock, error) { return a.LockHost(t.Context()) },
		"the other's root": func() (store.Lock, error) { return a.Lock(t.Context(), second.ID) },
	} {
		if _, err := take(); !errors.Is(err, store.ErrBusy) {
			t.Errorf("locked %s: %v", what, err)
		}
	}
	if locked, err := a.IsLocked(t.Context()); err != nil || !locked {
		t.Errorf("locked: %v, %v", locked, err)
	}
	for _, l := range held {
		must(t, l.Unlock())
	}

	// A lock whose session has ended does not let its holder write.
	l, err := a.Lock(t.Context())
	must(t, err)
	defer l.Unlock()
	_, err = conn.Exec(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())")
	must(t, err)
	if _, err := a.AddRoot(t.Context(), "/late", true); !errors.Is(err, store.ErrServer) {
		t.Errorf("written without the lock: %v", err)
	}
}

// TestStranger checks that a role without rights is told so, and leaves nothing behind.
func TestStranger(t *testing.T) {
	server := pgserver.Start(t)
	url := server.Database(t)
	pg := open(t, url)
	defer pg.Close()
	conn, err := pgx.Connect(t.Context(), url)
	must(t, err)
	defer conn.Close(t.Context())
	role := strings.ReplaceAll(conn.Config().Database, "test", "stranger")
	_, err = conn.Exec(t.Context(), "CREATE ROLE "+role+" LOGIN; GRANT CREATE ON SCHEMA public TO "+role+"; CREATE TABLE public.meta (other int)")
	must(t, err)
	for name, open := range map[string]func(context.Context, string, postgres.Options) (*postgres.Store, error){"reading": postgres.OpenReadOnly, "changes": postgres.Open} {
		if _, err := open(t.Context(), server.URL(role, conn.Config().Database), postgres.Options{Host: "x"}); !errors.Is(err, store.ErrRole) {
			t.Errorf("opened for %s: %v", name, err)
		}
	}
	tables := 0
	must(t, conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").Scan(&tables))
	if tables != 1 {
		t.Errorf("%d tables in the schema public", tables)
	}
}
