package sqlite_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/imgsearch/imgsearch/index/sqlite"
	"github.com/imgsearch/imgsearch/internal/testkit"
)

// filled makes an index of n pictures and returns its path.
func filled(t *testing.T, n int) string {
	t.Helper()
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), strangeName())
	store, err := sqlite.Open(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	model, err := store.EnsureModel(ctx, sqlite.Model{Identity: "m", Name: "m", Ref: "m", Dim: 64, Precision: "fp32"})
	if err != nil {
		t.Fatal(err)
	}
	if err := testkit.Fill(ctx, store, model, n); err != nil {
		t.Fatal(err)
	}
	return path
}

func counts(t *testing.T, path string) sqlite.Counts {
	t.Helper()
	store, err := sqlite.OpenReadOnly(context.Background(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	findings, err := store.Integrity(context.Background())
	if err != nil || len(findings) > 0 {
		t.Errorf("integrity: %v, %v", findings, err)
	}
	n, err := store.Count(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestSalvage damages a page in ten of an index, of all but the first few, and saves the rest.
func TestSalvage(t *testing.T) {
	const n, page = 3000, 4096
	path := filled(t, n)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := 20 * page; at < len(data); at += 10 * page {
		copy(data[at:], bytes.Repeat([]byte{0xa5}, page))
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.Salvage(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	got := counts(t, path)
	t.Logf("%+v, %+v", s, got)
	if got.Contents < n*6/10 || got.Files < n*6/10 || got.Embedded < n/2 || got.Roots != 1 || s.Lost == 0 {
		t.Errorf("%+v of %d were saved: %+v", got, n, s)
	}
	kept, err := os.ReadFile(s.Kept)
	if err != nil || !bytes.Equal(kept, data) {
		t.Errorf("the damaged file is not kept as it was: %v", err)
	}
}

// TestSalvageOfASoundOne loses nothing, not even what lies in the root itself.
func TestSalvageOfASoundOne(t *testing.T) {
	path := filled(t, 500)
	store, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	put(t, store, func(b *sqlite.Batch) error {
		id, err := b.PutContent(t.Context(), sqlite.Content{Hash: [32]byte{1}, Format: "jpeg", Width: 1, Height: 1, Orientation: 1})
		if err != nil {
			return err
		}
		return b.PutFile(t.Context(), sqlite.File{Place: sqlite.Place{RootID: 1, Name: "top.jpg"}, ContentID: id, Labels: sqlite.Labels{Keywords: []string{"a", "b"}}})
	})
	store.Close()
	before := counts(t, path)
	if _, err := sqlite.Salvage(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if after := counts(t, path); after != before {
		t.Errorf("%+v, before %+v", after, before)
	}
	if store, err = sqlite.OpenReadOnly(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	f, ok, err := store.FileAt(t.Context(), sqlite.Place{RootID: 1, Name: "top.jpg"}, 1)
	if err != nil || !ok {
		t.Fatalf("the file in the root itself: %+v, %v, %v", f, ok, err)
	}
	if l, err := store.Labels(t.Context(), f.ID); err != nil || len(l.Keywords) != 2 {
		t.Errorf("its labels: %+v, %v", l, err)
	}
}

func TestBackup(t *testing.T) {
	path := filled(t, 500)
	store, err := sqlite.OpenReadOnly(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	copied := filepath.Join(t.TempDir(), "copy of "+strangeName())
	for range 2 { // the second replaces the first
		if err := store.Backup(t.Context(), copied); err != nil {
			t.Fatal(err)
		}
	}
	if a, b := counts(t, copied), counts(t, path); a != b {
		t.Errorf("%+v, of %+v", a, b)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(copied), ".imgsearch*"))
	if err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
}
