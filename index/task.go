package index

import (
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/scan"
)

// task is a file that must be read.
type task struct {
	place  store.Place
	stat   store.Stat
	device uint64
	// known is what the index has at this place, nil for a new file.
	known *store.FileState
	// sidecar is the file beside it that says more of it, meta is what the two say.
	sidecar     store.Sidecar
	sidecarAway bool // it is known, and cannot be read now
	meta        store.Metadata
	// refresh tells that only what the file says of itself is to be read.
	refresh bool
	// considered are the names of the files that are looked at as its twins. twins are, of a JPEG, those of them that must be
	// read with it; in the end, those that stand behind it. format is a twin's own.
	considered []string
	twins      []task
	format     string
	// movedFrom is where this file was.
	movedFrom *store.Place
	// preview is, where no file is to be read, the picture whose preview is.
	preview *store.PictureID
}

// found is a file that the walk found, with what the index has at its place.
type found struct {
	dir     string
	device  uint64
	file    scan.File
	known   *store.FileState
	failure store.Failure // its Stage is "" where none is remembered
	sidecar store.Sidecar
	// sidecarAway tells that the sidecar cannot be read now: what it said still holds.
	sidecarAway bool
	considered  []string
	// frozen tells that its twins cannot be told now: what is known of them still holds.
	frozen bool
}

// findSidecar finds the file's sidecar. In a folder that could not be read completely, one that is not seen is not gone.
func (f *found) findSidecar(sidecars scan.Sidecars, partly bool) {
	s, ok := sidecars.Of(f.file.Name)
	f.sidecarAway = ok && s.Placeholder || !ok && partly
	switch {
	case f.sidecarAway && f.known != nil:
		f.sidecar = f.known.Sidecar
	case ok && !s.Placeholder:
		f.sidecar = store.Sidecar{Name: s.Name, Stat: statOfFile(s)}
	}
}

func (f *found) stat() store.Stat { return statOfFile(f.file) }

func statOfFile(f scan.File) store.Stat {
	return store.Stat{Size: f.Size, MTimeNS: f.ModTime.UnixNano()}
}

func (f *found) place(root store.Root) store.Place {
	return store.Place{Root: root.ID, Dir: f.dir, Name: f.file.Name}
}

func (f *found) task(root store.Root) task {
	t := task{
		place: f.place(root), stat: f.stat(), device: f.device, known: f.known, sidecar: f.sidecar, sidecarAway: f.sidecarAway,
		considered: f.considered,
	}
	if f.frozen {
		t.considered = nil // what is read of it alone is looked at again with its twins
	}
	return t
}
