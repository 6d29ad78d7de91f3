package query

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"
)

// missingLimit bounds the check whether files are there: a network disk that does not answer delays nobody. A file
// that it does not get to counts as there.
const missingLimit = 500 * time.Millisecond

// presentBlock is how many hits are looked at together, within one missingLimit.
const presentBlock = 64

// present are the first hits with a file that is there, in their order, until there are enough. Those that were passed over are told to
// gone.
func present(ctx context.Context, hits []Hit, enough int, gone func(Hit)) (there []Hit) {
	for len(hits) > 0 && len(there) < enough {
		block := hits[:min(presentBlock, len(hits))]
		hits = hits[len(block):]
		markMissing(ctx, block)
		for _, h := range block {
			if h.Missing {
				gone(h)
			} else {
				there = append(there, h)
			}
		}
	}
	return there
}

// markMissing checks the hits' files. A hit whose first file is gone is shown by the next one that is there; of the
// others only those that are there are kept, unless all are gone.
func markMissing(ctx context.Context, hits []Hit) {
	lists := make([][]string, len(hits))
	for i, h := range hits {
		lists[i] = append([]string{h.Path}, h.Also...)
	}
	for i, gone := range goneFiles(ctx, lists) {
		hits[i].keepPresent(gone)
	}
}

// goneFiles reports which of the paths in lists are certainly gone, as far as missingLimit lets it look.
func goneFiles(ctx context.Context, lists [][]string) [][]bool {
	ctx, cancel := context.WithTimeout(ctx, missingLimit)
	defer cancel()
	type answer struct {
		list, path int
		gone       bool
	}
	total := 0
	answers := make(chan answer, 64)
	gone := make([][]bool, len(lists))
	for i, paths := range lists {
		gone[i] = make([]bool, len(paths))
		total += len(paths)
	}
	// The checks may outlive us on a disk that hangs.
	go func() {
		slots := make(chan struct{}, 16)
		for i, paths := range lists {
			for j, path := range paths {
				select {
				case slots <- struct{}{}:
				case <-ctx.Done():
					return
				}
				go func() {
					defer func() { <-slots }()
					info, err := os.Lstat(path)
					select {
					case answers <- answer{i, j, errors.Is(err, fs.ErrNotExist) || err == nil && info.IsDir()}:
					case <-ctx.Done():
					}
				}()
			}
		}
	}()
	for range total {
		select {
		case a := <-answers:
			gone[a.list][a.path] = a.gone
		case <-ctx.Done():
			return gone
		}
	}
	return gone
}

func (h *Hit) keepPresent(gone []bool) {
	if !slices.Contains(gone, true) {
		return
	}
	var present []string
	for j, path := range append([]string{h.Path}, h.Also...) {
		if !gone[j] {
			present = append(present, path)
		}
	}
	if len(present) == 0 {
		h.Missing = true
		return
	}
	if h.Path != present[0] {
		h.Bytes = 0 // which was that of another file
	}
	h.Path, h.Also = present[0], present[1:]
	h.Twins = slices.DeleteFunc(slices.Clone(h.Twins), func(path string) bool { return !slices.Contains(present, path) })
}
