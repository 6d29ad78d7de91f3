package index

import (
	"cmp"
	"context"
	"os"
	"slices"
)

// DupeOptions say what counts as a duplicate.
type DupeOptions struct {
	// Near looks for pictures that are alike too, of at least the cosine Threshold; else only for equal ones.
	Near      bool
	Threshold float64
	// Sharpness measures a file's sharpness, to choose between pictures of one size; nil: they are ordered by file size.
	Sharpness func(path string) (float64, error)
}

// Dupe is one picture of a group.
type Dupe struct {
	Hit
	// Bytes is the size of its first file, Sharpness what DupeOptions.Sharpness said, 0 where it was not asked.
	Bytes     int64
	Sharpness float64
}

// Group is a set of duplicates, the best picture first: that with the most pixels, of equal ones the sharpest, of equal ones the
// largest file. Score of a picture is its cosine similarity to the best one.
type Group struct {
	// Exact tells that the files hold one and the same picture: the group has one Dupe, with all files.
	Exact    bool
	Pictures []Dupe
}

// Dupes returns the groups of duplicates among what the filter selects, those of the most files first. A model's vectors
// decide what is alike.
func (s *Searcher) Dupes(ctx context.Context, o DupeOptions) ([]Group, error) {
	if err := s.look(ctx); err != nil {
		return nil, err
	}
	keep, err := s.selection(ctx)
	if err != nil {
		return nil, err
	}
	var groups []Group
	grouped := make(map[int64]bool)
	if o.Near {
		near, err := s.nearGroups(ctx, o)
		if err != nil {
			return nil, err
		}
		for _, g := range near {
			for _, d := range g.Pictures {
				grouped[d.ContentID] = true
			}
		}
		groups = near
	}
	copied, err := s.store.Copied(ctx)
	if err != nil {
		return nil, err
	}
	for _, id := range copied {
		if grouped[id] || keep != nil && !keep(id) {
			continue
		}
		d, ok, err := s.dupe(ctx, id)
		if err != nil {
			return nil, err
		}
		if ok && len(d.Also) > 0 { // the folders asked for may hold one only, and one only may be there
			d.Score = 1
			groups = append(groups, Group{Exact: true, Pictures: []Dupe{d}})
		}
	}
	slices.SortStableFunc(groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.files(), a.files()), cmp.Compare(a.Pictures[0].Path, b.Pictures[0].Path))
	})
	return groups, nil
}

func (g Group) files() (n int) {
	for _, d := range g.Pictures {
		n += 1 + len(d.Also)
	}
	return n
}

// dupe is a content with those of its files that are there, twins left out: a raw file is no copy of its JPEG. ok is false where none is. A file of which that cannot be told is
// not there: what is said of duplicates must not cost the last copy.
func (s *Searcher) dupe(ctx context.Context, id int64) (d Dupe, ok bool, err error) {
	h, ok, err := s.hit(ctx, id)
	if err != nil || !ok {
		return d, false, err
	}
	var there []string
	for _, path := range append([]string{h.Path}, h.Also...) {
		if slices.Contains(h.Twins, path) {
			continue
		}
		info, err := os.Stat(path)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		if there = append(there, path); len(there) == 1 {
			d.Bytes = info.Size()
		}
	}
	if len(there) == 0 {
		return d, false, nil
	}
	h.Path, h.Also, h.Twins = there[0], there[1:], nil
	d.Hit = h
	return d, true, nil
}

// nearGroups finds the pictures that are alike.
func (s *Searcher) nearGroups(ctx context.Context, o DupeOptions) ([]Group, error) {
	ids, list, err := s.vectors(ctx)
	if err != nil {
		return nil, err
	}
	var groups []Group
	sets, err := list.near(ctx, o.Threshold)
	if err != nil {
		return nil, err
	}
	for _, set := range sets {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		more, err := s.split(ctx, o, list, ids, set)
		if err != nil {
			return nil, err
		}
		groups = append(groups, more...)
	}
	return groups, nil
}

// split makes groups of a set that hangs together, so that all of a group are like its best picture, and not only like one
// another's neighbours: a night's film is no duplicate of its last picture.
func (s *Searcher) split(ctx context.Context, o DupeOptions, list rows, ids []int64, set []int) ([]Group, error) {
	var all []candidate
	for _, row := range set {
		d, ok, err := s.dupe(ctx, ids[row])
		if err != nil {
			return nil, err
		}
		if ok {
			all = append(all, candidate{d, row})
		}
	}
	slices.SortFunc(all, compareCandidates)
	var groups []Group
	for len(all) > 1 {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var alike, rest []candidate
		for _, c := range all {
			if list.cosine(all[0].row, c.row) >= o.Threshold || c.row == all[0].row {
				alike = append(alike, c)
			} else {
				rest = append(rest, c)
			}
		}
		if len(alike) > 1 {
			groups = append(groups, o.group(list, alike))
		}
		all = rest
	}
	return groups, nil
}

// candidate is a picture that may be of a group.
type candidate struct {
	Dupe
	row int
}

func (c candidate) pixels() int { return c.Width * c.Height }

// compareCandidates puts the better picture first.
func compareCandidates(a, b candidate) int {
	return cmp.Or(cmp.Compare(b.pixels(), a.pixels()), cmp.Compare(b.Sharpness, a.Sharpness), cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Path, b.Path))
}

// maxSharp is how many pictures of a group, those with the most pixels and bytes, are compared by sharpness: each is decoded.
const maxSharp = 8

// group puts the best one first and tells how alike the others are.
func (o DupeOptions) group(list rows, alike []candidate) Group {
	contenders := 1
	for contenders < min(len(alike), maxSharp) && alike[contenders].pixels() == alike[0].pixels() {
		contenders++
	}
	if o.Sharpness != nil && contenders > 1 {
		inParallel(contenders, func(from, to int) {
			for i := from; i < to; i++ {
				if v, err := o.Sharpness(alike[i].Path); err == nil { // else the file's size decides
					alike[i].Sharpness = v
				}
			}
		})
		slices.SortFunc(alike[:contenders], compareCandidates)
	}
	g := Group{}
	for _, c := range alike {
		if c.Score = min(list.cosine(alike[0].row, c.row), 1); c.row == alike[0].row {
			c.Score = 1
		}
		g.Pictures = append(g.Pictures, c.Dupe)
	}
	return g
}
