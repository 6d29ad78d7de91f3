package index_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// TestTotalsStayRight: after changes of every kind, the stored counts equal the actual counts.
func TestTotalsStayRight(t *testing.T) {
	e := newEngine(t)
	r := rand.New(rand.NewPCG(1, 2))
	ctx := context.Background()
	db, err := sql.Open("sqlite", e.store.Location())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for round := range 12 {
		for range 25 {
			name := fmt.Sprintf("%d/%d.jpg", r.IntN(4), r.IntN(20))
			switch path := filepath.Join(e.dir, name); r.IntN(4) {
			case 0:
				_ = os.Remove(path)
			case 1: // a copy of others
				e.write(name, fmt.Sprint("same ", r.IntN(5)))
			default:
				e.write(name, fmt.Sprint(r.IntN(1000)))
			}
		}
		if _, err := e.run(nil); err != nil {
			t.Fatal(err)
		}
		models, err := e.store.Models(ctx)
		if err != nil {
			t.Fatal(err)
		}
		totals, err := e.store.Totals(ctx)
		if err != nil {
			t.Fatal(err)
		}
		bytes, files := int64(0), 0
		var pictures, embedded int
		if err := db.QueryRowContext(ctx, `SELECT count(*), count(DISTINCT picture_id), coalesce(sum(size), 0),
			(SELECT count(*) FROM embeddings e WHERE EXISTS (SELECT 1 FROM files f WHERE f.picture_id = e.picture_id)) FROM files`).
			Scan(&files, &pictures, &bytes, &embedded); err != nil {
			t.Fatal(err)
		}
		if totals.Files != files || totals.Pictures != pictures || totals.Bytes != bytes || models[0].Embedded != embedded {
			t.Fatalf("round %d: %+v and %d are kept, %d files of %d pictures, %d bytes, %d embedded are counted", round, totals, models[0].Embedded, files, pictures, bytes, embedded)
		}
	}
}
