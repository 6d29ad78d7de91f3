package migrate_test

import (
	"crypto/sha256"
	"errors"
	"path/filepath"
	"testing"

	"github.com/imgsearch/imgsearch/index/migrate"
	"github.com/imgsearch/imgsearch/index/sqlite"
	"github.com/imgsearch/imgsearch/index/store"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T) store.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "i.db"), sqlite.Options{})
	must(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

// put puts a file that shows a picture with some moments.
func put(t *testing.T, s store.Store, root store.RootID, name, picture string, mtime int64, moments int) {
	t.Helper()
	_, err := s.PutModel(t.Context(), store.Model{Identity: "m", Name: "m", Ref: "m", Dim: 2, Precision: "fp32"})
	must(t, err)
	id := store.PictureID(sha256.Sum256([]byte(picture)))
	tx, err := s.Begin(t.Context())
	must(t, err)
	defer tx.Rollback()
	must(t, tx.PutPicture(t.Context(), store.Picture{ID: id, Format: "jpeg", Width: 4, Height: 3, Orientation: 1}))
	for i := range moments {
		must(t, tx.PutVector(t.Context(), "m", store.Vector{Picture: id, Moment: store.Moment{Number: i}, Data: []byte{0, 0x3c, 0, 0}}))
	}
	_, err = tx.PutFile(t.Context(), store.FileRecord{
		File: store.File{Place: store.Place{Root: root, Name: name}, Stat: store.Stat{Size: 1, MTimeNS: mtime * 1e15}, Device: 1}, Picture: id, Format: "jpeg",
	})
	must(t, err)
	must(t, tx.Commit(t.Context()))
}

// TestAgain migrates after changes on either side: the newer state of a file wins, and what the destination has stays.
func TestAgain(t *testing.T) {
	from, to := open(t), open(t)
	root, err := from.AddRoot(t.Context(), "/p", true)
	must(t, err)
	run := func(files, vectors, kept int) {
		t.Helper()
		out, err := migrate.Run(t.Context(), migrate.Request{From: from, To: to, Progress: func(int, int) {}, Noticed: func(n any) { t.Errorf("%+v", n) }})
		must(t, err)
		if out.Copied.Files != files || out.Copied.Vectors != vectors || out.Kept != kept {
			t.Errorf("copied %+v, kept %d; want %d files, %d vectors, %d", out.Copied, out.Kept, files, vectors, kept)
		}
		if kept == 0 && out.From != out.To {
			t.Errorf("%+v, %+v", out.From, out.To)
		}
	}
	put(t, from, root.ID, "a", "a", 1, 1)
	put(t, from, root.ID, "b", "b", 1, 1)
	put(t, from, root.ID, "film", "film", 1, 2)
	run(3, 4, 0)
	run(0, 0, 0)
	put(t, from, root.ID, "film", "film", 1, 4) // more moments of the same film
	run(0, 2, 0)
	put(t, from, root.ID, "a", "a2", 2, 1) // edited in the source
	run(1, 1, 0)
	put(t, to, root.ID, "b", "b2", 2, 1) // edited in the destination
	run(0, 0, 1)
	put(t, to, root.ID, "mine", "mine", 1, 1)
	run(0, 0, 1)
	known, err := to.Known(t.Context(), "m", []store.Place{{Root: root.ID, Name: "a"}, {Root: root.ID, Name: "b"}})
	must(t, err)
	for name, picture := range map[string]string{"a": "a2", "b": "b2"} {
		if k := known[store.Place{Root: root.ID, Name: name}].File; k == nil || k.Picture != sha256.Sum256([]byte(picture)) || !k.Embedded {
			t.Errorf("%s: %+v", name, k)
		}
	}
}

// TestIncomplete checks that a picture that is missing at the end is noticed.
func TestIncomplete(t *testing.T) {
	from, to := open(t), open(t)
	root, err := from.AddRoot(t.Context(), "/p", true)
	must(t, err)
	put(t, from, root.ID, "a", "a", 1, 1)
	calls := 0
	_, err = migrate.Run(t.Context(), migrate.Request{From: from, To: to, Noticed: func(any) {}, Progress: func(int, int) {
		if calls++; calls == 1 { // copied, not compared yet
			_, err := to.RemoveRoot(t.Context(), "/p")
			must(t, err)
		}
	}})
	if !errors.Is(err, migrate.ErrIncomplete) {
		t.Errorf("%v", err)
	}
}
