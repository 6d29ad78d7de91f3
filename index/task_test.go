package index

import (
	"testing"

	"github.com/imgsearch/imgsearch/index/store"
)

// TestJoinStats: a change of either file, or of both by the same time, changes the joint stat.
func TestJoinStats(t *testing.T) {
	at := func(size, time int64) store.Stat { return store.Stat{Size: size, MTimeNS: time} }
	seen := make(map[store.Stat]string)
	for name, s := range map[string]store.Stat{
		"before": joinStats(at(10, 1), at(5, 1)), "the picture's": joinStats(at(10, 2), at(5, 1)), "the folder's": joinStats(at(10, 1), at(5, 2)),
		"both": joinStats(at(10, 2), at(5, 2)), "one alone": joinStats(at(10, 1), store.Stat{}), "the other alone": joinStats(store.Stat{}, at(5, 1)),
	} {
		if other, ok := seen[s]; ok {
			t.Errorf("%s is the same as %s", name, other)
		}
		seen[s] = name
	}
}
