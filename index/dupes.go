package index

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
)

// DupeOptions say what counts as a duplicate.
type DupeOptions struct {
	Filter Filter
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
	if err := s.look(ctx, o.Filter); err != nil {
		return nil, err
	}
	keep := map[int64]bool(nil)
	if !o.Filter.isAll() {
		ids, err := s.selected(ctx)
		if err != nil {
			return nil, err
		}
		keep = make(map[int64]bool, len(ids))
		for _, id := range ids {
			keep[id] = true
		}
	}
	var groups []Group
	grouped := make(map[int64]bool)
	if o.Near {
		near, err := s.nearGroups(ctx, o, keep)
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
		if grouped[id] || keep != nil && !keep[id] {
			continue
		}
		d, ok, err := s.dupe(ctx, id)
		if err != nil {
			return nil, err
		}
		if ok && len(d.Also) > 0 { // the folders asked for may hold one only
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

func (s *Searcher) dupe(ctx context.Context, id int64) (Dupe, bool, error) {
	h, ok, err := s.hit(ctx, id)
	d := Dupe{Hit: h}
	if ok {
		if info, err := os.Stat(h.Path); err == nil {
			d.Bytes = info.Size()
		}
	}
	return d, ok, err
}

// nearGroups finds the pictures that are alike.
func (s *Searcher) nearGroups(ctx context.Context, o DupeOptions, keep map[int64]bool) ([]Group, error) {
	var ids []int64
	list := rows{dim: s.model.Dim}
	at := make(map[int64]int)
	if err := s.readVectors(ctx); err != nil {
		return nil, fmt.Errorf("read vectors: %w", err)
	}
	add := func(id int64, vector []byte) {
		if keep != nil && !keep[id] {
			return
		}
		if i, again := at[id]; again { // the last one counts
			copy(list.data[i*2*list.dim:], vector)
			return
		}
		at[id] = len(ids)
		ids = append(ids, id)
		list.data = append(list.data, vector...)
	}
	if s.file != nil {
		list.data = make([]byte, 0, 2*s.model.Dim*(s.file.Len()+s.newest.Len()))
		if err := s.file.Vectors(add); err != nil {
			return nil, err
		}
	}
	if err := s.newest.Vectors(add); err != nil {
		return nil, err
	}
	var groups []Group
	for _, set := range list.near(o.Threshold) {
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
	type candidate struct {
		Dupe
		row int
	}
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
	pixels := func(c candidate) int { return c.Width * c.Height }
	if o.Sharpness != nil {
		sizes := make(map[int]int)
		for _, c := range all {
			sizes[pixels(c)]++
		}
		for i := range all {
			if sizes[pixels(all[i])] > 1 && !all[i].Missing {
				if v, err := o.Sharpness(all[i].Path); err == nil { // else the file's size decides
					all[i].Sharpness = v
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(pixels(b), pixels(a)), cmp.Compare(b.Sharpness, a.Sharpness), cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Path, b.Path))
	})
	var groups []Group
	for len(all) > 1 {
		best := all[0]
		best.Score = 1
		g := Group{Pictures: []Dupe{best.Dupe}}
		var rest []candidate
		for _, c := range all[1:] {
			if score := list.cosine(best.row, c.row); score >= o.Threshold {
				c.Score = min(score, 1)
				g.Pictures = append(g.Pictures, c.Dupe)
			} else {
				rest = append(rest, c)
			}
		}
		if len(g.Pictures) > 1 {
			groups = append(groups, g)
		}
		all = rest
	}
	return groups, nil
}
