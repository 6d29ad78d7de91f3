package index

import "github.com/imgsearch/imgsearch/index/store"

// goneFile is an indexed file that was not found in its folder.
type goneFile struct {
	store.File
	device uint64 // of the folder now
	empty  bool   // the folder holds nothing at all
}

// rootGone is what one walk of a root found missing, and what it could not see. Nothing is dropped until the walk and
// the pipeline have succeeded.
type rootGone struct {
	target
	unreachable error // the root itself
	visited     map[string]bool
	broken      map[string]error // folders that could not be read completely
	files       []goneFile
	failures    []store.Place // remembered failures of files that are gone
	// excluded files and folders were skipped by a rule; untouched folders were not examined in this run, so their files stay.
	excluded                 []store.Place
	excludedBelow, untouched []string
	// devices held the root's files before this run. seen are those on which an unchanged file was found again;
	// renumbered are the unchanged files that were found on a different device than before.
	devices, seen map[uint64]bool
	renumbered    map[deviceChange][]store.Place
}

// deviceChange is a device number that may have changed to another.
type deviceChange struct{ from, to uint64 }

// sees records on which device a known file was found unchanged.
func (g *rootGone) sees(known store.File, device uint64) {
	if known.Device == device {
		g.seen[device] = true
		return
	}
	change := deviceChange{known.Device, device}
	g.renumbered[change] = append(g.renumbered[change], known.Place)
}

// sameDisk reports whether the device from now has the number to: the system renumbers disks when it starts. It does if
// an unchanged file was found on to. But if to held files before, or an unchanged file was still found on from, that file
// is a copy on another disk.
func (g *rootGone) sameDisk(from, to uint64) bool {
	return from == to || len(g.renumbered[deviceChange{from, to}]) > 0 && !g.devices[to] && !g.seen[from]
}

func newRootGone(t target) rootGone {
	return rootGone{
		target: t, visited: make(map[string]bool), broken: make(map[string]error),
		seen: make(map[uint64]bool), renumbered: make(map[deviceChange][]store.Place),
	}
}
