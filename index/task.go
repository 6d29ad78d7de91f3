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
	// sidecar is the file's sidecar, meta the metadata of the two.
	sidecar     store.Sidecar
	sidecarAway bool // the sidecar is known, but cannot be read now
	export      exported
	meta        store.Metadata
	// refresh means that only the file's metadata must be read.
	refresh bool
	// considered are the names of the files that may be its twins. twins of a JPEG are those of them that must be
	// read with it and, after joinTwins, its actual twins. format is a twin's own format.
	considered []string
	twins      []task
	format     string
	// movedFrom is where this file was before it was moved; nil if it was not.
	movedFrom *store.Place
	// preview is the picture whose preview is read instead of a file; nil if a file is read.
	preview *store.PictureID
	// text is the known picture of which only the text is read; nil otherwise.
	text *textTask
}

// found is a file that the walk found, with what the index has at its place.
type found struct {
	dir     string
	device  uint64
	file    scan.File
	known   *store.FileState
	failure store.Failure // its Stage is "" where none is remembered
	sidecar store.Sidecar
	// sidecarAway means that the sidecar cannot be read now: what it said still holds.
	sidecarAway bool
	export      exported
	considered  []string
	// frozen means that its twins cannot be determined now: what is known about them still holds.
	frozen bool
}

// findSidecar finds the file's sidecar. In a folder that could not be read completely, a sidecar that was not seen may still exist.
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

// exported is what an export wrote about a file: its JSON, and that of its folder. Sidecar names the first of them, with the sizes and times of both.
type exported struct {
	store.Sidecar

	picture, folder string
	away            bool // it is known, but cannot be read now
}

// findExport finds what an export wrote about the file.
func (f *found) findExport(exports scan.Exports, partly bool) {
	of, ok := exports.Of(f.file.Name)
	album, inAlbum := exports.Album()
	e := &f.export
	e.away = ok && of.Placeholder || inAlbum && album.Placeholder || !ok && !inAlbum && partly
	if e.away {
		if f.known != nil {
			e.Sidecar = f.known.Export
		}
		return
	}
	var picture, folder store.Stat
	if inAlbum {
		e.folder, e.Name, folder = album.Name, album.Name, statOfFile(album)
	}
	if ok {
		e.picture, e.Name, picture = of.Name, of.Name, statOfFile(of)
	}
	if inAlbum || ok {
		e.Stat = joinStats(picture, folder)
	}
}

// joinStats returns a stat that changes with that of a picture's JSON, of its folder's, or of both.
func joinStats(picture, folder store.Stat) store.Stat {
	const prime = 1_000_003
	return store.Stat{Size: picture.Size + folder.Size, MTimeNS: picture.MTimeNS*prime + folder.MTimeNS}
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
		place: f.place(root), stat: f.stat(), device: f.device, known: f.known, sidecar: f.sidecar, sidecarAway: f.sidecarAway, export: f.export,
		considered: f.considered,
	}
	if f.frozen {
		t.considered = nil // it is read alone now, and compared with its twins again in a later run
	}
	return t
}
