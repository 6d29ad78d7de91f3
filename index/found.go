package index

import (
	"errors"
	"io/fs"

	"github.com/imgsearch/imgsearch/index/store"
)

// Found is what a finished walk has found besides the files that must be read. Only the machine that has walked can settle it, since it says on which of its
// disks files were.
type Found struct {
	Counts Counts
	Gone   []Missing
}

// Missing is rootGone in a form that can be stored.
type Missing struct {
	Start                    string
	Unreachable              *Trouble
	Visited                  []string
	Broken                   map[string]Trouble
	Files                    []MissingFile
	Failures                 []store.Place
	Excluded                 []store.Place
	ExcludedBelow, Untouched []string
	Devices, Seen            []uint64
	Renumbered               []Renumbered
}

// MissingFile is goneFile in a form that can be stored.
type MissingFile struct {
	File   store.File
	Device uint64
	Empty  bool
}

// Renumbered are files that were found on another device than before.
type Renumbered struct {
	From, To uint64
	Places   []store.Place
}

// Trouble is why a folder could not be read.
type Trouble struct {
	Text                string
	NotExist, NoEntries bool
}

// Encode returns what was found in a form that keeps names that are not UTF-8.
func (f Found) Encode() ([]byte, error) { return encode(f) }

// DecodeFound returns what a walk has found and was encoded.
func DecodeFound(data []byte) (f Found, err error) { return f, decode(data, &f) }

func troubleOf(err error) Trouble {
	return Trouble{err.Error(), errors.Is(err, fs.ErrNotExist), errors.Is(err, ErrEmptyRoot)}
}

// troubleError is a Trouble as an error.
type troubleError struct{ Trouble }

func (e troubleError) Error() string { return e.Text }

func (e troubleError) Is(target error) bool {
	return target == fs.ErrNotExist && e.NotExist || target == ErrEmptyRoot && e.NoEntries
}

func missingOf(g rootGone) Missing {
	m := Missing{
		Start: g.start, Visited: keysOf(g.visited), Broken: make(map[string]Trouble), Failures: g.failures, Excluded: g.excluded, ExcludedBelow: g.excludedBelow,
		Untouched: g.untouched, Devices: keysOf(g.devices), Seen: keysOf(g.seen),
	}
	if g.unreachable != nil {
		t := troubleOf(g.unreachable)
		m.Unreachable = &t
	}
	for dir, err := range g.broken {
		m.Broken[dir] = troubleOf(err)
	}
	for _, f := range g.files {
		m.Files = append(m.Files, MissingFile{f.File, f.device, f.empty})
	}
	for change, places := range g.renumbered {
		m.Renumbered = append(m.Renumbered, Renumbered{change.from, change.to, places})
	}
	return m
}

// gone returns what was stored, for a root as this machine sees it.
func (m Missing) gone(root store.Root) rootGone {
	g := newRootGone(target{root: root, start: m.Start})
	g.failures, g.excluded, g.excludedBelow, g.untouched = m.Failures, m.Excluded, m.ExcludedBelow, m.Untouched
	g.devices = make(map[uint64]bool)
	if m.Unreachable != nil {
		g.unreachable = troubleError{*m.Unreachable}
	}
	for _, dir := range m.Visited {
		g.visited[dir] = true
	}
	for dir, t := range m.Broken {
		g.broken[dir] = troubleError{t}
	}
	for _, f := range m.Files {
		g.files = append(g.files, goneFile{f.File, f.Device, f.Empty})
	}
	for _, d := range m.Devices {
		g.devices[d] = true
	}
	for _, d := range m.Seen {
		g.seen[d] = true
	}
	for _, r := range m.Renumbered {
		g.renumbered[deviceChange{r.From, r.To}] = r.Places
	}
	return g
}

func keysOf[K comparable](set map[K]bool) (list []K) {
	for k, in := range set {
		if in {
			list = append(list, k)
		}
	}
	return list
}
