package index

import (
	"context"
	"slices"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/scan"
)

// A camera can write both a raw file and a JPEG of each exposure, and a phone's photos may be copied both as HEIC and as JPEG. The
// two files are one picture, the JPEG's; the other file is its twin.

// pairs are a folder's JPEGs with the files that may be their twins.
type pairs struct {
	behind map[string][]string // by the JPEG's name, in order
	byName map[string]string   // the JPEG's name, by every member's name
	// frozen are the stems with a file that is only in the cloud: what is known about them still holds.
	frozen map[string]bool
}

// pairs finds the files of a folder that belong together by their names: one JPEG, and one or more that may be its twins.
func (c *comparer) pairs(f scan.Folder, failures map[string]store.Failure) (p pairs) {
	if c.req.NoPairs || !slices.ContainsFunc(f.Files, func(f scan.File) bool { return scan.ClaimsTwin(f.Name) }) {
		return p
	}
	p.behind, p.byName, p.frozen = make(map[string][]string), make(map[string]string), make(map[string]bool)
	jpegs, others := make(map[string][]string), make(map[string][]string)
	for _, file := range f.Files {
		one := found{dir: f.Rel, file: file, failure: failures[file.Name]}
		stem := scan.Stem(file.Name)
		if file.Placeholder {
			p.frozen[stem] = true
		}
		if c.failedBefore(one) || c.suspects[one.place(c.root)] {
			continue // it is read alone, or not at all
		}
		switch {
		case scan.ClaimsJPEG(file.Name):
			jpegs[stem] = append(jpegs[stem], file.Name)
		case scan.ClaimsTwin(file.Name):
			others[stem] = append(others[stem], file.Name)
		}
	}
	for stem, names := range others {
		if len(jpegs[stem]) != 1 || p.frozen[stem] { // no JPEG, or it is unknown which one
			continue
		}
		jpeg := jpegs[stem][0]
		p.behind[jpeg] = names
		for _, name := range append([]string{jpeg}, names...) {
			p.byName[name] = jpeg
		}
	}
	return p
}

// isFrozen reports whether what is known about a file's twins still holds.
func (p pairs) isFrozen(name string) bool { return len(p.frozen) > 0 && p.frozen[scan.Stem(name)] }

// considered returns the names of the files that may be a file's twins.
func (p pairs) considered(name string) []string {
	jpeg, ok := p.byName[name]
	switch {
	case !ok:
		return nil
	case jpeg == name:
		return p.behind[jpeg]
	}
	return []string{jpeg}
}

// pair compares the members of a pair with what the index has. If one of them must be read, all are read together.
func (c *comparer) pair(ctx context.Context, jpeg string, members []found) error {
	read := false
	for _, f := range members {
		if n := c.look(f); n != unchanged {
			read = true // without break: look also records that the other members exist
		}
	}
	if !read {
		c.countUnchanged(len(members))
		return nil
	}
	var t task
	for _, f := range members {
		if f.file.Name == jpeg {
			twins := t.twins
			t = f.task(c.root)
			t.twins = twins
		} else {
			t.twins = append(t.twins, f.task(c.root))
		}
	}
	return c.emit(ctx, t)
}
