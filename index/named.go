package index

import (
	"context"

	"github.com/imgsearch/imgsearch/index/store"
)

// namedAhead is how many of the files that were named outright are looked up at once.
const namedAhead = 500

// namedFiles are the files that were named outright. What the index knows of them is asked for many at a time.
type namedFiles struct {
	places []store.Place // in the order of the targets
	known  map[store.Place]store.Known
	asked  int
}

func newNamedFiles(targets []target) *namedFiles {
	n := &namedFiles{}
	for _, t := range targets {
		if t.file != "" {
			n.places = append(n.places, store.Place{Root: t.root.ID, Dir: t.start, Name: t.file})
		}
	}
	return n
}

// of is what the index knew of a named file when it was looked up; places are asked for in their order.
func (n *namedFiles) of(ctx context.Context, s store.Store, model string, at store.Place) (store.Known, error) {
	for n.asked < len(n.places) {
		if k, ok := n.known[at]; ok {
			return k, nil
		}
		chunk := n.places[n.asked:min(n.asked+namedAhead, len(n.places))]
		found, err := s.Known(ctx, model, chunk)
		if err != nil {
			return store.Known{}, err
		}
		n.known = make(map[store.Place]store.Known, len(chunk))
		for _, p := range chunk {
			n.known[p] = found[p]
		}
		n.asked += len(chunk)
	}
	if k, ok := n.known[at]; ok {
		return k, nil
	}
	found, err := s.Known(ctx, model, []store.Place{at}) // out of order
	return found[at], err
}
