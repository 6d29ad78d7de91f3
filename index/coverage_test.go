package index_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// TestCoverageStaysRight: through changes of every kind the counts that are kept are those that are counted.
func TestCoverageStaysRight(t *testing.T) {
	e := newEngine(t)
	r := rand.New(rand.NewPCG(1, 2))
	ctx := context.Background()
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
		have, all, err := e.store.Coverage(ctx, e.model.ID)
		if err != nil {
			t.Fatal(err)
		}
		counted, err := e.store.Count(ctx, e.model.ID)
		if err != nil || have != counted.Embedded || all != counted.Contents {
			t.Fatalf("round %d: %d of %d are kept, %d of %d counted (%v)", round, have, all, counted.Embedded, counted.Contents, err)
		}
	}
}
