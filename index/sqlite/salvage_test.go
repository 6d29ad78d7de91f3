package sqlite_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/imgsearch/imgsearch/index/sqlite"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/testkit"
)

// filled makes an index of n pictures and returns its path.
func filled(t *testing.T, n int) string {
	t.Helper()
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), strangeName())
	s, err := sqlite.Open(ctx, path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fill(t, s, n)
	return path
}

// fill adds n pictures with vectors.
func fill(t *testing.T, s *sqlite.Store, n int) {
	t.Helper()
	model, err := s.PutModel(ctx, store.Model{Identity: "m", Name: "m", Ref: "m", Dim: 64, Precision: "fp32"})
	if err != nil {
		t.Fatal(err)
	}
	if err := testkit.Fill(ctx, s, model, n); err != nil {
		t.Fatal(err)
	}
}

// counts are the totals of an index that has passed the integrity check.
type counts struct {
	store.Totals
	embedded int
}

func countsOf(t *testing.T, path string) counts {
	t.Helper()
	s, err := sqlite.OpenReadOnly(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	findings, err := s.Integrity(t.Context())
	if err != nil || len(findings) > 0 {
		t.Errorf("integrity: %v, %v", findings, err)
	}
	totals, err := s.Totals(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	models, err := s.Models(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return counts{totals, models[0].Embedded}
}

// TestSalvage damages every tenth page of an index, except for the first few, and salvages the rest.
func TestSalvage(t *testing.T) {
	const n, page = 3000, 4096
	path := filled(t, n)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := 42 * page; at < len(data); at += 10 * page {
		copy(data[at:], bytes.Repeat([]byte{0xa5}, page))
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.Salvage(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	got := countsOf(t, path)
	t.Logf("%+v, %+v", s, got)
	if got.Pictures < n*6/10 || got.Files < n*6/10 || got.embedded < n/2 || got.Roots != 1 || s.Lost == 0 {
		t.Errorf("%+v of %d were saved: %+v", got, n, s)
	}
	kept, err := os.ReadFile(s.Kept)
	if err != nil || !bytes.Equal(kept, data) {
		t.Errorf("the damaged file is not kept as it was: %v", err)
	}
}

// TestSalvageOfASoundOne checks that salvaging a healthy index loses nothing, not even files directly in a root.
func TestSalvageOfASoundOne(t *testing.T) {
	path := filled(t, 500)
	ix, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	roots, err := ix.Roots(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	top := store.Place{Root: roots[0].ID, Name: "top.jpg"}
	put(t, ix, func(tx store.Tx) error {
		if err := tx.PutPicture(t.Context(), store.Picture{ID: store.PictureID{1}, Format: "jpeg", Width: 1, Height: 1, Orientation: 1}); err != nil {
			return err
		}
		_, err := tx.PutFile(t.Context(), store.FileRecord{File: store.File{Place: top}, Picture: store.PictureID{1}, Format: "jpeg",
			Metadata: store.Metadata{Camera: "Acme", OwnerMetadata: store.OwnerMetadata{Keywords: []string{"a", "b"}}}})
		return err
	})
	ix.Close()
	before := countsOf(t, path)
	if _, err := sqlite.Salvage(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if after := countsOf(t, path); after != before {
		t.Errorf("%+v, before %+v", after, before)
	}
	if ix, err = sqlite.OpenReadOnly(t.Context(), path, sqlite.Options{}); err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	known, err := ix.Known(t.Context(), "m", []store.Place{top})
	if f := known[top].File; err != nil || f == nil || len(f.Keywords) != 2 || f.Camera != "Acme" {
		t.Fatalf("the file in the root itself: %+v, %v", f, err)
	}
}

func TestBackup(t *testing.T) {
	path := filled(t, 500)
	ix, err := sqlite.OpenReadOnly(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	copied := filepath.Join(t.TempDir(), "copy of "+strangeName())
	for range 2 { // the second replaces the first
		if err := ix.Backup(t.Context(), copied); err != nil {
			t.Fatal(err)
		}
	}
	if a, b := countsOf(t, copied), countsOf(t, path); a != b {
		t.Errorf("%+v, of %+v", a, b)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(copied), ".imgsearch*"))
	if err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}
