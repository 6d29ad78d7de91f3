// Package original tells which of several copies of a picture is the original: which has the most real detail, was compressed the least
// and comes from a camera. It reads files, and must not know the index or the terminal.
package original

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
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

// MaxCompared is how many files of one call are decoded and compared.
const MaxCompared = 24

// Rank orders files that show the same picture, or nearly, the original first. One that cannot be read comes last of those that are
// compared; of more than MaxCompared those are that a camera wrote, then the first and the last ones, and the others follow in their order.
func Rank(ctx context.Context, files []File) ([]Ranked, error) {
	all := make([]*picture, len(files))
	each(len(files), func(i int) {
		all[i] = &picture{index: i, rawTwin: files[i].RawTwin}
		all[i].known = all[i].readFile(files[i].Path) == nil
	})
	compared, others := chooseCompared(all)
	readAll(ctx, compared)
	order, err := tournament(ctx, compared)
	if err != nil {
		return nil, err
	}
	ranked := make([]Ranked, 0, len(files))
	for _, p := range append(order, others...) {
		ranked = append(ranked, Ranked{p.index, p.sharpness})
	}
	return ranked, nil
}

// chooseCompared divides pictures into those that are compared and the others.
func chooseCompared(all []*picture) (compared, others []*picture) {
	if len(all) <= MaxCompared {
		return all, nil
	}
	chosen := make(map[*picture]bool)
	for _, p := range all {
		if p.untouched() && len(chosen) < MaxCompared {
			chosen[p] = true
		}
	}
	for i := range all {
		for _, p := range []*picture{all[i], all[len(all)-1-i]} {
			if len(chosen) < MaxCompared {
				chosen[p] = true
			}
		}
	}
	for _, p := range all {
		if chosen[p] {
			compared = append(compared, p)
		} else {
			others = append(others, p)
		}
	}
	return compared, others
}

// decoding bounds what the pictures that are decoded at once take, in bytes; one may always be.
const decoding = 1 << 30

// focusSide is the size, of the short side, at which the focus of a camera's shots is measured.
const focusSide = 512

// readAll reads the pixels, side by side.
func readAll(ctx context.Context, all []*picture) {
	minShort := 0
	if areShots(all) { // which are no copies of one another: only focus is compared
		minShort = focusSide
	}
	kept := int64(0)
	room := semaphore.NewWeighted(decoding)
	var group sync.WaitGroup
	for _, p := range all {
		if !p.known {
			continue
		}
		if pixels := p.pixels(); pixels > maxPixels || kept+pixels > keptPixels {
			p.readable = true
			continue
		}
		kept += p.pixels()
		take := min(p.decodeBytes(minShort), decoding)
		if room.Acquire(ctx, take) != nil {
			break
		}
		group.Go(func() {
			defer room.Release(take)
			p.readPixels(minShort)
		})
	}
	group.Wait()
}

// each calls do for 0 to n-1, some side by side.
func each(n int, do func(i int)) {
	var group errgroup.Group
	group.SetLimit(runtime.NumCPU())
	for i := range n {
		group.Go(func() error {
			do(i)
			return nil
		})
	}
	_ = group.Wait() // which has no errors
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
func tournament(ctx context.Context, all []*picture) ([]*picture, error) {
	wins := make(map[*picture]int, len(all))
	for i, a := range all {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for _, b := range all[:i] {
			if compare(b, a) <= 0 {
				wins[b]++
			} else {
				wins[a]++
			}
		}
	}
	order := slices.Clone(all)
	slices.SortStableFunc(order, func(a, b *picture) int { return cmp.Compare(wins[b], wins[a]) })
	return order, ctx.Err()
}

// rules are what tells an original from its copy, the strongest first. A rule returns a negative number where the first picture is it,
// and 0 where the rule cannot tell.
var rules = []func(a, b *picture) int{readable, raw, detail, quality, provenance, fileSize, age}

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
