package index

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/scan"
)

// target is one folder or file to bring up to date.
type target struct {
	root store.Root
	// start is the folder in the root where the walk begins; "" for all of it.
	start string
	// file is a single file to compare, in the folder start; "" for a walk.
	file string
}

// plan is what a run compares, and the changes to roots that it needs first. Making a plan changes nothing: new roots have
// placeholder ids until makeRoots adds them to the index.
type plan struct {
	targets []target
	roots   []store.Root // after the changes
	changes []rootChange // in order
}

// newRoot is the beginning of the placeholder id of a new root.
const newRoot = "new "

// known returns the roots of the plan that the index has, those that will be absorbed included.
func (p *plan) known() []store.RootID {
	set := make(map[store.RootID]bool)
	for _, t := range p.targets {
		set[t.root.ID] = true
	}
	for _, c := range p.changes {
		set[c.root.ID] = true
		for _, a := range c.absorb {
			set[a.root.ID] = true
		}
	}
	maps.DeleteFunc(set, func(id store.RootID, _ bool) bool { return strings.HasPrefix(string(id), newRoot) })
	return slices.Sorted(maps.Keys(set))
}

// rootChange is a root to add or to mark as walked, and the roots to absorb into it afterwards.
type rootChange struct {
	root   store.Root
	absorb []absorbed
}

// absorbed is a root that becomes a folder of another.
type absorbed struct {
	root store.Root
	rel  string
}

// makePlan finds the roots of the given paths; no paths means all roots of this machine.
func makePlan(ctx context.Context, s store.Store, paths []string) (plan, error) {
	roots, err := s.Roots(ctx)
	if err != nil {
		return plan{}, err
	}
	p := plan{roots: roots}
	if len(paths) == 0 {
		for _, r := range roots {
			if !r.Elsewhere {
				p.targets = append(p.targets, target{root: r})
			}
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
	// A new root may have absorbed the roots of earlier targets.
	for i, t := range p.targets {
		if r, rel, ok := p.holding(store.Folder{Dir: t.start}.Path(t.root.Path)); ok && r.ID != t.root.ID {
			p.targets[i].root, p.targets[i].start = r, rel
		}
	}
	p.targets = distinct(p.targets)
	return p, nil
}

// makeRoots applies the plan's changes to the index, and replaces the placeholder ids in the plan.
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

// distinct drops the targets that another one covers, so that nothing is compared twice.
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

// covers reports whether the walk of t reaches the other target.
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

// folderRoot returns the root that is the folder or contains it; if there is none, it plans a new root.
func (p *plan) folderRoot(path string, info os.FileInfo) (root store.Root, start string) {
	for _, r := range p.roots {
		if r.Path == path || !r.Elsewhere && sameFile(r.Path, info) {
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

// holding returns the innermost root that is the folder or contains it, unless a rule of the walk excludes the folder:
// an explicitly named folder is then a root of its own.
func (p *plan) holding(dir string) (root store.Root, rel string, ok bool) {
	for _, r := range p.roots {
		below, inside := store.Relative(r.Path, dir)
		if inside && (!ok || len(r.Path) > len(root.Path)) && (below == "" || r.Walked && scan.Reaches(r.Path, below, false)) {
			root, rel, ok = r, below, true
		}
	}
	return root, rel, ok
}

// add plans a new root, or plans to walk an existing one. A walked root absorbs the roots inside it.
func (p *plan) add(path string, walked bool) store.Root {
	root := store.Root{ID: store.RootID(fmt.Sprint(newRoot, len(p.changes))), Path: path, Walked: walked}
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
