package index

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/scan"
)

// target is one thing to bring up to date.
type target struct {
	root store.Root
	// start is the folder in the root where the walk begins; "" for all of it.
	start string
	// file is a single file to look at, with start its folder; "" for a walk.
	file string
}

// plan finds or makes the roots for what was asked. In a dry run new roots get ids that the index does not have.
func plan(ctx context.Context, s store.Store, req Request) ([]target, []store.Root, error) {
	roots, err := s.Roots(ctx)
	if err != nil {
		return nil, nil, err
	}
	p := &planner{ctx: ctx, store: s, roots: roots, dry: req.DryRun}
	if len(req.Paths) == 0 {
		var targets []target
		for _, r := range roots {
			targets = append(targets, target{root: r})
		}
		return targets, roots, nil
	}
	var targets []target
	for _, name := range req.Paths {
		t, err := p.target(name)
		if err != nil {
			return nil, nil, err
		}
		targets = append(targets, t)
	}
	// A root that was made may have swallowed the roots of earlier targets.
	for i, t := range targets {
		if r, rel, ok := p.holding(filepath.Join(t.root.Path, filepath.FromSlash(t.start))); ok && r.ID != t.root.ID {
			targets[i].root, targets[i].start = r, rel
		}
	}
	return distinct(targets), p.roots, nil
}

// distinct leaves out the targets that another one covers: nothing is looked at twice.
func distinct(targets []target) []target {
	var walks []target
	for _, t := range targets {
		if t.file == "" && t.root.Walked {
			walks = append(walks, t)
		}
	}
	seen := make(map[target]bool)
	var list []target
	for _, t := range targets {
		if seen[t] || slices.ContainsFunc(walks, func(w target) bool { return w != t && w.covers(t) }) {
			continue
		}
		seen[t] = true
		list = append(list, t)
	}
	return list
}

// covers tells whether the walk of one target comes to the other.
func (t target) covers(other target) bool {
	if t.root.ID != other.root.ID || t.start != "" && t.start != other.start && !strings.HasPrefix(other.start, t.start+"/") {
		return false
	}
	return other.file == "" || scan.Reaches(t.root.Path, path.Join(other.start, other.file), true)
}

type planner struct {
	ctx   context.Context
	store store.Store
	roots []store.Root
	dry   bool
}

func (p *planner) target(name string) (target, error) {
	info, err := os.Stat(name)
	if err != nil {
		return target{}, err
	}
	if info.IsDir() {
		root, start, err := p.folderRoot(name, info)
		return target{root: root, start: start}, err
	}
	dir, file := filepath.Split(name)
	dir = filepath.Clean(dir)
	if root, rel, ok := p.holding(dir); ok {
		return target{root: root, start: rel, file: file}, nil
	}
	root, err := p.add(dir, false)
	return target{root: root, file: file}, err
}

// folderRoot finds the root that a folder is, or lies in, or makes it one.
func (p *planner) folderRoot(path string, info os.FileInfo) (store.Root, string, error) {
	for i, r := range p.roots {
		if r.Path == path || sameFile(r.Path, info) {
			if !r.Walked {
				walked, err := p.add(r.Path, true)
				if err != nil {
					return r, "", err
				}
				p.roots[i] = walked
				return walked, "", p.absorb(walked)
			}
			return r, "", nil
		}
	}
	if r, rel, ok := p.holding(path); ok && r.Walked {
		return r, rel, nil
	}
	root, err := p.add(path, true)
	if err != nil {
		return root, "", err
	}
	return root, "", p.absorb(root)
}

func sameFile(path string, info os.FileInfo) bool {
	other, err := os.Stat(path)
	return err == nil && os.SameFile(other, info)
}

// holding returns the innermost root that a folder is or lies in, unless a rule of the walk would keep the walk from
// it: what is named outright is then a root of its own.
func (p *planner) holding(dir string) (root store.Root, rel string, ok bool) {
	for _, r := range p.roots {
		below, inside := store.Relative(r.Path, dir)
		if inside && (!ok || len(r.Path) > len(root.Path)) && (below == "" || r.Walked && scan.Reaches(r.Path, below, false)) {
			root, rel, ok = r, below, true
		}
	}
	return root, rel, ok
}

func (p *planner) add(path string, walked bool) (store.Root, error) {
	if p.dry {
		for _, r := range p.roots {
			if r.Path == path {
				r.Walked = true
				return r, nil
			}
		}
		r := store.Root{ID: store.RootID(fmt.Sprintf("new %d", len(p.roots))), Path: path, Walked: walked}
		p.roots = append(p.roots, r)
		return r, nil
	}
	r, err := p.store.AddRoot(p.ctx, path, walked)
	if err != nil {
		return r, err
	}
	for _, old := range p.roots {
		if old.ID == r.ID {
			return r, nil
		}
	}
	p.roots = append(p.roots, r)
	return r, nil
}

// absorb makes the roots inside a new one part of it.
func (p *planner) absorb(outer store.Root) error {
	if p.dry {
		return nil
	}
	kept := p.roots[:0:0]
	for _, r := range p.roots {
		rel, inside := store.Relative(outer.Path, r.Path)
		if !inside || r.ID == outer.ID || !scan.Reaches(outer.Path, rel, false) {
			kept = append(kept, r)
			continue
		}
		if err := p.store.Absorb(p.ctx, outer.ID, r.ID, rel); err != nil {
			return fmt.Errorf("join root %q into %q: %w", r.Path, outer.Path, err)
		}
	}
	p.roots = kept
	return nil
}
