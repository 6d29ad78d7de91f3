package query

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
)

// missingLimit is the time limit for checking whether files exist, so that a network disk that does not respond delays nothing.
// A file that is not checked in time counts as existing.
const missingLimit = 500 * time.Millisecond

// presentBlock is the number of hits checked together within one missingLimit.
const presentBlock = 64

// present returns the first hits that have an existing file, in order, until there are enough. It calls gone for each hit that it skips.
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

// markMissing checks the hits' files and keeps only the paths of those that exist, so that Path is the first of them.
// If all files of a hit are gone, it keeps all paths and sets Missing.
func markMissing(ctx context.Context, hits []Hit) {
	lists := make([][]string, len(hits))
	for i, h := range hits {
		lists[i] = append([]string{h.Path}, h.Also...)
	}
	for i, gone := range goneFiles(ctx, lists) {
		hits[i].keepPresent(gone)
	}
}

// goneFiles reports which of the paths in lists are certainly gone. It checks as many as it can within missingLimit.
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
	// The checks may outlive this call if a disk hangs.
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
					select {
					case answers <- answer{i, j, isGone(path)}:
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

// isGone reports whether a file is certainly gone.
func isGone(path string) bool {
	if !store.IsHere(path) {
		return false
	}
	info, err := os.Lstat(path)
	return errors.Is(err, fs.ErrNotExist) || err == nil && info.IsDir()
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
		h.Bytes = 0 // it was the size of another file
	}
	h.Path, h.Also = present[0], present[1:]
	h.Twins = slices.DeleteFunc(slices.Clone(h.Twins), func(path string) bool { return !slices.Contains(present, path) })
}
