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

// plan is what a run looks at, and what must be done to the roots before. Making one changes nothing: roots that have to be made have
// ids that no index has until makeRoots gives them theirs.
type plan struct {
	targets []target
	roots   []store.Root // as they will be
	changes []rootChange // in order
}

// rootChange is a root to make, or to have walked, and then to take other roots into.
type rootChange struct {
	root   store.Root
	absorb []absorbed
}

// absorbed is a root that becomes a folder of another.
type absorbed struct {
	root store.Root
	rel  string
}

// makePlan finds the roots for what was asked; no paths are all roots.
func makePlan(ctx context.Context, s store.Store, paths []string) (plan, error) {
	roots, err := s.Roots(ctx)
	if err != nil {
		return plan{}, err
	}
	p := plan{roots: roots}
	if len(paths) == 0 {
		for _, r := range roots {
			p.targets = append(p.targets, target{root: r})
		}
		return p, nil
	}
	for _, path := range paths {
		t, err := p.target(path)
		if err != nil {
			return plan{}, err
		}
		p.targets = append(p.targets, t)
	}
	// A root that was made may have swallowed the roots of earlier targets.
	for i, t := range p.targets {
		if r, rel, ok := p.holding(store.Folder{Dir: t.start}.Path(t.root.Path)); ok && r.ID != t.root.ID {
			p.targets[i].root, p.targets[i].start = r, rel
		}
	}
	p.targets = distinct(p.targets)
	return p, nil
}

// makeRoots makes the plan's changes, and gives the plan the ids of the roots that were made.
func (p *plan) makeRoots(ctx context.Context, s store.Store) error {
	made := make(map[store.RootID]store.Root)
	asMade := func(r store.Root) store.Root {
		if m, ok := made[r.ID]; ok {
			return m
		}
		return r
	}
	for _, c := range p.changes {
		r, err := s.AddRoot(ctx, c.root.Path, c.root.Walked)
		if err != nil {
			return err
		}
		made[c.root.ID] = r
		for _, inner := range c.absorb {
			if err := s.Absorb(ctx, r.ID, asMade(inner.root).ID, inner.rel); err != nil {
				return fmt.Errorf("join root %q into %q: %w", inner.root.Path, r.Path, err)
			}
		}
	}
	for i, r := range p.roots {
		p.roots[i] = asMade(r)
	}
	for i, t := range p.targets {
		p.targets[i].root = asMade(t.root)
	}
	return nil
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

func (p *plan) target(name string) (target, error) {
	info, err := os.Stat(name)
	if err != nil {
		return target{}, err
	}
	if info.IsDir() {
		root, start := p.folderRoot(name, info)
		return target{root: root, start: start}, nil
	}
	dir, file := filepath.Split(name)
	dir = filepath.Clean(dir)
	if root, rel, ok := p.holding(dir); ok {
		return target{root: root, start: rel, file: file}, nil
	}
	return target{root: p.add(dir, false), file: file}, nil
}

// folderRoot finds the root that a folder is, or lies in, or makes it one.
func (p *plan) folderRoot(path string, info os.FileInfo) (root store.Root, start string) {
	for _, r := range p.roots {
		if r.Path == path || sameFile(r.Path, info) {
			if r.Walked {
				return r, ""
			}
			return p.add(r.Path, true), ""
		}
	}
	if r, rel, ok := p.holding(path); ok && r.Walked {
		return r, rel
	}
	return p.add(path, true), ""
}

func sameFile(path string, info os.FileInfo) bool {
	other, err := os.Stat(path)
	return err == nil && os.SameFile(other, info)
}

// holding returns the innermost root that a folder is or lies in, unless a rule of the walk would keep the walk from
// it: what is named outright is then a root of its own.
func (p *plan) holding(dir string) (root store.Root, rel string, ok bool) {
	for _, r := range p.roots {
		below, inside := store.Relative(r.Path, dir)
		if inside && (!ok || len(r.Path) > len(root.Path)) && (below == "" || r.Walked && scan.Reaches(r.Path, below, false)) {
			root, rel, ok = r, below, true
		}
	}
	return root, rel, ok
}

// add plans a root, or that one which is there is walked. A walked root takes in those inside it.
func (p *plan) add(path string, walked bool) store.Root {
	root := store.Root{ID: store.RootID(fmt.Sprintf("new %d", len(p.changes))), Path: path, Walked: walked}
	kept := p.roots[:0:0]
	for _, r := range p.roots {
		if r.Path == path {
			root = r
			root.Walked = walked
		}
	}
	change := rootChange{root: root}
	for _, r := range p.roots {
		rel, inside := store.Relative(path, r.Path)
		switch {
		case r.ID == root.ID:
		case walked && inside && scan.Reaches(path, rel, false):
			change.absorb = append(change.absorb, absorbed{r, rel})
		default:
			kept = append(kept, r)
		}
	}
	p.roots = append(kept, root)
	p.changes = append(p.changes, change)
	return root
}
