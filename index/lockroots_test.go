package index

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/imgsearch/imgsearch/index/sqlite"
	"github.com/imgsearch/imgsearch/index/store"
)

// TestLockedRoots checks which roots a run locks: those that it brings up to date or absorbs, and that the index has.
func TestLockedRoots(t *testing.T) {
	s, err := sqlite.OpenMemory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	dir := t.TempDir()
	paths := make(map[string]string)
	for _, name := range []string{"outer/inner", "other", "fresh"} {
		paths[name] = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(paths[name], 0o700); err != nil {
			t.Fatal(err)
		}
	}
	ids := make(map[string]store.RootID)
	for _, name := range []string{"outer/inner", "other"} {
		r, err := s.AddRoot(t.Context(), paths[name], true)
		if err != nil {
			t.Fatal(err)
		}
		ids[name] = r.ID
	}
	for _, c := range []struct {
		paths []string
		want  []string
	}{
		{nil, []string{"outer/inner", "other"}},
		{[]string{paths["fresh"]}, nil},
		{[]string{paths["other"], paths["fresh"]}, []string{"other"}},
		{[]string{filepath.Join(dir, "outer")}, []string{"outer/inner"}},
	} {
		p, err := makePlan(t.Context(), s, c.paths)
		if err != nil {
			t.Fatal(err)
		}
		var want []store.RootID
		for _, name := range c.want {
			want = append(want, ids[name])
		}
		slices.Sort(want)
		if got := p.known(); !slices.Equal(got, want) {
			t.Errorf("%v: %v, want %v", c.paths, got, want)
		}
	}
}
