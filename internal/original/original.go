// Package original finds the original among copies of a picture: the file with the most real detail, the least compression and a camera's
// metadata. It reads files, and must not know the index or the terminal.
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

// Ranked is a file in the order of Rank.
type Ranked struct {
	// Index is the file's position in the argument of Rank.
	Index int
	// Sharpness is the variance of the luminance's Laplacian, in squared levels, at full size or, for a burst, at the size at which focus is
	// compared; 0 if the file was not decoded.
	Sharpness float64
}

// MaxCompared is how many files of one call are decoded and compared.
const MaxCompared = 24

// Rank orders files that show the same or nearly the same picture, the original first and unreadable files last. If there are more than
// MaxCompared files, it compares those that a camera wrote, then the first and the last ones; the others follow in the order given.
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

// chooseCompared splits pictures into those to compare and the others.
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

// decoding bounds the memory for decoding several pictures at once, in bytes. A larger picture is decoded alone.
const decoding = 1 << 30

// focusSide is the length of the short side, in pixels, at which the sharpness of a burst is measured.
const focusSide = 512

// readAll decodes the pictures concurrently.
func readAll(ctx context.Context, all []*picture) {
	minShort := 0
	if areShots(all) { // not copies of one another, so only focus is compared
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

// each calls do for 0 to n-1, several at a time.
func each(n int, do func(i int)) {
	var group errgroup.Group
	group.SetLimit(runtime.NumCPU())
	for i := range n {
		group.Go(func() error {
			do(i)
			return nil
		})
	}
	_ = group.Wait() // do returns no error
}

// areShots reports whether all are different shots, each as the camera wrote it.
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

// tournament compares all pairs and orders pictures by the number of wins: the rules depend on the pair and are not transitive.
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

// SortFiles orders files of the same picture, the original first: files with a camera's metadata, then larger files, then older ones. It
// does not decode them.
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
		return cmp.Or(prefer(a.known, b.known), provenance(a, b), fileSize(a, b), age(a, b))
	})
}
