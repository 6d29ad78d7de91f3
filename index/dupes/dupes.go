// Package dupes finds files that hold the same picture, and pictures that are nearly the same. It queries the engine for them, and must
// not know which store answers, codecs or the terminal.
package dupes

import (
	"cmp"
	"context"
	"os"
	"slices"

	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/store"
)

// Options say what counts as a duplicate.
type Options struct {
	Filter store.Filter
	// Near also finds similar pictures: those whose vectors of Model have a cosine of at least Threshold. Else only equal ones are found.
	Near      bool
	Model     store.Model
	Threshold float64
	// Judge finds the originals.
	Judge Judge
}

// Judge finds the original among copies.
type Judge interface {
	// Files orders files of the same picture, the original first.
	Files(paths []string)
	// Pictures orders nearly equal pictures, the original first, and sets their Sharpness.
	Pictures(ctx context.Context, alike []Dupe) error
}

// Dupe is one picture of a group.
type Dupe struct {
	query.Hit
	// Sharpness is what the Judge measured; 0 if it did not decode the picture. Bytes is the current size of the first file.
	Sharpness float64
	// RawTwin reports whether the picture has a twin: a raw or HEIC file of the same exposure.
	RawTwin bool
}

// Group is a set of duplicates, the original first. Each Score is the cosine similarity to the original.
type Group struct {
	// Exact reports whether the files hold the same picture: the group then has one Dupe, with all files.
	Exact    bool
	Pictures []Dupe
}

// Find returns the groups of duplicates among the pictures that the filter selects, those with the most files first.
func Find(ctx context.Context, e *query.Engine, o Options) ([]Group, error) {
	f := finder{e, o}
	var groups []Group
	grouped := make(map[store.PictureID]bool)
	if o.Near {
		near, err := f.near(ctx)
		if err != nil {
			return nil, err
		}
		for _, g := range near {
			for _, d := range g.Pictures {
				grouped[d.ID] = true
			}
		}
		groups = near
	}
	copied, err := e.Copied(ctx, o.Filter)
	if err != nil {
		return nil, err
	}
	copied = slices.DeleteFunc(copied, func(id store.PictureID) bool { return grouped[id] })
	all, err := f.dupes(ctx, copied)
	if err != nil {
		return nil, err
	}
	for _, id := range copied {
		if d, ok := all[id]; ok && len(d.Also) > 0 { // only one copy may be in the selected folders, or still exist
			d.Score = 1
			f.sortFiles(&d)
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

// finder is one search for duplicates.
type finder struct {
	engine *query.Engine
	Options
}

// dupes returns pictures with those of their files that exist, without twins: a raw file is not a copy of its JPEG. A file counts as missing
// if it is unknown whether it exists, so that a wrong list of duplicates never costs the last copy.
func (f *finder) dupes(ctx context.Context, ids []store.PictureID) (map[store.PictureID]Dupe, error) {
	hits, err := f.engine.Hits(ctx, ids, f.Filter)
	if err != nil {
		return nil, err
	}
	all := make(map[store.PictureID]Dupe, len(hits))
	for _, h := range hits {
		if d, ok := present(h); ok {
			all[h.ID] = d
		}
	}
	return all, nil
}

// present returns a picture with those of its files that exist; ok is false if none does.
func present(h query.Hit) (d Dupe, ok bool) {
	var there []string
	for _, path := range append([]string{h.Path}, h.Also...) {
		if slices.Contains(h.Twins, path) {
			d.RawTwin = true
			continue
		}
		info, err := os.Stat(path)
		if store.IsHere(path) && (err != nil || !info.Mode().IsRegular()) {
			continue
		}
		if there = append(there, path); len(there) == 1 && err == nil {
			h.Bytes = info.Size()
		}
	}
	if len(there) == 0 {
		return d, false
	}
	h.Path, h.Also, h.Twins = there[0], there[1:], nil
	d.Hit = h
	return d, true
}

// sortFiles puts the original among a picture's files first.
func (f *finder) sortFiles(d *Dupe) {
	if len(d.Also) == 0 {
		return
	}
	paths := append([]string{d.Path}, d.Also...)
	f.Judge.Files(paths)
	if paths[0] != d.Path {
		if info, err := os.Stat(paths[0]); err == nil {
			d.Bytes = info.Size()
		}
	}
	d.Path, d.Also = paths[0], paths[1:]
}

// near finds the groups of similar pictures.
func (f *finder) near(ctx context.Context) ([]Group, error) {
	list := rows{f.Model.Dim, make([]byte, 0, f.Model.Embedded*2*f.Model.Dim)}
	ids := make([]store.PictureID, 0, f.Model.Embedded)
	err := f.engine.EachVector(ctx, f.Model.Identity, f.Filter, func(v store.Vector) error {
		if v.Number == 0 { // films are compared by their beginnings
			ids = append(ids, v.Picture)
			list.data = append(list.data, v.Data...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	sets, err := list.near(ctx, f.Threshold)
	if err != nil {
		return nil, err
	}
	var members []store.PictureID
	for _, set := range sets {
		for _, row := range set {
			members = append(members, ids[row])
		}
	}
	all, err := f.dupes(ctx, members)
	if err != nil {
		return nil, err
	}
	var groups []Group
	for _, set := range sets {
		var candidates []candidate
		for _, row := range set {
			if d, ok := all[ids[row]]; ok {
				candidates = append(candidates, candidate{d, row})
			}
		}
		more, err := f.split(ctx, list, candidates)
		if err != nil {
			return nil, err
		}
		groups = append(groups, more...)
	}
	return groups, nil
}

// split divides a connected set into groups, so that all pictures of a group are similar to its best picture, and not only to
// their neighbours: the pictures of a night-long time lapse are not all duplicates of the last one.
func (f *finder) split(ctx context.Context, list rows, all []candidate) ([]Group, error) {
	slices.SortFunc(all, compareCandidates)
	var groups []Group
	for len(all) > 1 {
		alike, rest := f.likeFirst(list, all)
		if len(alike) > 1 {
			judged, err := f.judge(ctx, alike)
			if err != nil {
				return nil, err
			}
			var far []candidate
			if alike, far = f.likeFirst(list, judged); len(far) > 0 {
				rest = append(rest, far...)
				slices.SortFunc(rest, compareCandidates)
			}
			if len(alike) > 1 {
				groups = append(groups, f.group(list, alike))
			}
		}
		all = rest
	}
	return groups, nil
}

// likeFirst splits candidates into those similar to the first, including it, and the others.
func (f *finder) likeFirst(list rows, all []candidate) (alike, rest []candidate) {
	for _, c := range all {
		if c.row == all[0].row || list.cosine(all[0].row, c.row) >= f.Threshold {
			alike = append(alike, c)
		} else {
			rest = append(rest, c)
		}
	}
	return alike, rest
}

// candidate is a picture that may belong to a group.
type candidate struct {
	Dupe
	row int
}

// compareCandidates orders candidates before they are judged: larger pictures first.
func compareCandidates(a, b candidate) int {
	return cmp.Or(cmp.Compare(b.Width*b.Height, a.Width*a.Height), cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Path, b.Path))
}

// judge orders candidates, the original first.
func (f *finder) judge(ctx context.Context, alike []candidate) ([]candidate, error) {
	pictures := make([]Dupe, len(alike))
	rowOf := make(map[store.PictureID]int, len(alike))
	for i, c := range alike {
		f.sortFiles(&c.Dupe)
		pictures[i], rowOf[c.ID] = c.Dupe, c.row
	}
	if err := f.Judge.Pictures(ctx, pictures); err != nil {
		return nil, err
	}
	judged := make([]candidate, len(pictures))
	for i, d := range pictures {
		judged[i] = candidate{d, rowOf[d.ID]}
	}
	return judged, nil
}

// group scores candidates by their similarity to the first.
func (f *finder) group(list rows, alike []candidate) Group {
	g := Group{}
	for _, c := range alike {
		if c.Score = min(list.cosine(alike[0].row, c.row), 1); c.row == alike[0].row {
			c.Score = 1
		}
		g.Pictures = append(g.Pictures, c.Dupe)
	}
	return g
}
