// Package original tells which of several copies of a picture is the original: which has the most real detail, was compressed the least
// and comes from a camera. It reads files, and must not know the index or the terminal.
package original

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"golang.org/x/sync/semaphore"
)

// File is a copy of the picture.
type File struct {
	Path string
	// RawTwin reports whether a camera's raw file of the same exposure belongs to it.
	RawTwin bool
}

// Ranked is a file in its place.
type Ranked struct {
	// Index is the file's in what was ranked.
	Index int
	// Sharpness is the variance of the luminance's Laplacian at full size, in squared levels; 0 where the file was not decoded.
	Sharpness float64
}

// MaxCompared is how many files of one call are decoded and compared, the first ones: those behind them keep their order.
const MaxCompared = 24

// Rank orders files that show the same picture, or nearly, the original first. One that cannot be read comes last.
func Rank(ctx context.Context, files []File) ([]Ranked, error) {
	compared := load(ctx, files[:min(len(files), MaxCompared)])
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	order := tournament(compared)
	ranked := make([]Ranked, 0, len(files))
	for _, c := range order {
		ranked = append(ranked, Ranked{c.index, c.sharpness})
	}
	for i := len(compared); i < len(files); i++ {
		ranked = append(ranked, Ranked{Index: i})
	}
	return ranked, nil
}

// decoding bounds what the pictures that are decoded at once take, in bytes; one may always be.
const decoding = 1 << 30

// focusSide is the size, of the short side, at which the focus of a camera's shots is measured.
const focusSide = 512

// load reads files side by side.
func load(ctx context.Context, files []File) []*picture {
	all := make([]*picture, len(files))
	each(len(files), func(i int) {
		all[i] = &picture{index: i, rawTwin: files[i].RawTwin}
		all[i].known = all[i].readFile(files[i].Path) == nil
	})
	minShort := 0
	if areShots(all) { // which are no copies of one another: only focus is compared
		minShort = focusSide
	}
	room := semaphore.NewWeighted(decoding)
	each(len(all), func(i int) {
		p := all[i]
		take := min(p.decodeBytes(minShort), decoding)
		if !p.known || room.Acquire(ctx, take) != nil {
			return
		}
		defer room.Release(take)
		p.readPixels(minShort)
	})
	return all
}

// each calls do for 0 to n-1, side by side.
func each(n int, do func(i int)) {
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { do(i) })
	}
	group.Wait()
}

// areShots reports whether all are shots of their own, as a camera wrote them.
func areShots(all []*picture) bool {
	for i, p := range all {
		for _, other := range all[:i] {
			if !otherShot(p, other) {
				return false
			}
		}
	}
	return true
}

// tournament compares each with each: what tells two copies apart depends on the two, so that there need be no order in which all
// agree. Who wins most comes first.
func tournament(all []*picture) []*picture {
	wins := make([]int, len(all))
	for i, a := range all {
		for j := range i {
			if compare(all[j], a) <= 0 {
				wins[j]++
			} else {
				wins[i]++
			}
		}
	}
	order := slices.Clone(all)
	slices.SortStableFunc(order, func(a, b *picture) int { return cmp.Compare(wins[b.index], wins[a.index]) })
	return order
}

// rules are what tells an original from its copy, the strongest first. A rule returns a negative number where the first picture is it,
// and 0 where the rule cannot tell.
var rules = []func(a, b *picture) int{readable, raw, detail, focus, quality, provenance, fileSize, age}

// compare puts the original before its copy.
func compare(a, b *picture) int {
	for _, rule := range rules {
		if c := rule(a, b); c != 0 {
			return c
		}
	}
	return 0
}

// first is what a rule returns if the first picture is the original where yes, and the second where no.
func first(yes bool) int {
	if yes {
		return -1
	}
	return 1
}

// SortFiles orders files that hold one and the same picture, the original first: that with a camera's metadata, then the largest, then
// the oldest. Nothing is decoded.
func SortFiles(paths []string) {
	if len(paths) < 2 {
		return
	}
	files := make(map[string]*picture, len(paths))
	for _, path := range paths {
		p := &picture{}
		p.known = p.readFile(path) == nil
		p.data = nil
		files[path] = p
	}
	slices.SortStableFunc(paths, func(x, y string) int {
		a, b := files[x], files[y]
		if a.known != b.known {
			return first(a.known)
		}
		return cmp.Or(provenance(a, b), fileSize(a, b), age(a, b))
	})
}
