package index_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestForgottenPictures: when pictures leave the index for good, the vector file does not keep their rows, whose numbers a
// new picture may get.
func TestForgottenPictures(t *testing.T) {
	e := newEngine(t)
	ctx := context.Background()
	for i := range 30 {
		e.write(fmt.Sprint(i)+".jpg", fmt.Sprint(i))
	}
	rows := func() (inFile, inIndex int64) {
		t.Helper()
		f, ok, err := e.store.FlatFile(ctx, e.model.ID)
		if err != nil || !ok {
			t.Fatalf("no vector file: %v", err)
		}
		n, err := e.store.VectorCount(ctx, e.model.ID)
		if err != nil {
			t.Fatal(err)
		}
		return f.Rows, n
	}
	if _, err := e.run(nil); err != nil {
		t.Fatal(err)
	}
	if have, want := rows(); have != 30 || want != 30 {
		t.Fatalf("%d rows for %d vectors", have, want)
	}
	if err := os.Remove(filepath.Join(e.dir, "29.jpg")); err != nil {
		t.Fatal(err)
	}
	if _, err := e.run(nil); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", e.store.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, "UPDATE contents SET orphaned_at = 1 WHERE orphaned_at IS NOT NULL"); err != nil {
		t.Fatal(err)
	}
	e.write("new.jpg", "new")
	if _, err := e.run(nil); err != nil {
		t.Fatal(err)
	}
	e.write("newer.jpg", "newer")
	if _, err := e.run(nil); err != nil {
		t.Fatal(err)
	}
	if have, want := rows(); have != want || want != 31 {
		t.Errorf("%d rows for %d vectors, want 31", have, want)
	}
}
