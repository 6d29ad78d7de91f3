package index

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/imgsearch/imgsearch/index/store"
)

func TestJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "i.db")
	j, left, err := openJournal(path)
	if err != nil || len(left) != 0 {
		t.Fatalf("new journal: %v, %v", left, err)
	}
	a := store.Place{Root: "7", Dir: "x/y", Name: "a\xff\n.jpg"}
	b := store.Place{Root: "8", Dir: "", Name: "b.jpg"}
	j.enter(0, store.Place{Root: "1", Name: "done.jpg"}, false)
	j.leave(0)
	j.enter(1, a, false)
	j.enter(2, b, true)
	// The process dies here.
	second, left, err := openJournal(path)
	want := []inFlight{{a, false}, {b, true}}
	if err != nil || !slices.Equal(left, want) {
		t.Errorf("left %v, want %v (%v)", left, want, err)
	}
	second.release()
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	after, left, err := openJournal(path)
	if err != nil || len(left) != 0 {
		t.Errorf("after an orderly end: %v, %v", left, err)
	}
	after.release()
}
