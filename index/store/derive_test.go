package store_test

import (
	"testing"

	"github.com/imgsearch/imgsearch/index/store"
)

// TestDerivedDate checks that of all files' dates the most trusted one counts, whatever else the files have.
func TestDerivedDate(t *testing.T) {
	order := []store.DateSource{store.DateOriginal, store.DateFileName, store.DateModified, store.DateFileTime}
	dated := func(name string, s store.DateSource, rich bool) store.FileRecord {
		f := store.FileRecord{File: store.File{Place: store.Place{Name: name}}, Metadata: store.Metadata{TakenAt: "2020-01-0" + string(rune('1'+s)), TakenSource: s}}
		if rich {
			f.Camera, f.Lens, f.Rated = "Acme", "50mm", true
		}
		return f
	}
	for i, better := range order {
		for _, worse := range order[i+1:] {
			for _, rich := range []bool{false, true} {
				a, b := dated("b", better, !rich), dated("a", worse, rich)
				for _, files := range [][]store.FileRecord{{a, b}, {b, a}} {
					if m := store.Derive(files); m.TakenSource != better || m.TakenAt != a.TakenAt {
						t.Errorf("source %d against %d: %d", better, worse, m.TakenSource)
					}
				}
			}
		}
	}
	// A date that no camera wrote makes a file no richer: the older file's camera counts.
	a, b := dated("a", store.DateFileName, false), store.FileRecord{File: store.File{Place: store.Place{Name: "b"}}}
	a.MTimeNS, b.MTimeNS = 2, 1
	a.Camera, b.Camera = "new", "old"
	if m := store.Derive([]store.FileRecord{a, b}); m.Camera != "old" {
		t.Errorf("camera %q", m.Camera)
	}
}
