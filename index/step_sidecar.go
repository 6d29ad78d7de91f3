package index

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/fserr"
	"github.com/imgsearch/imgsearch/internal/regular"
	"github.com/imgsearch/imgsearch/scan"
)

// maxSidecar is the size of the largest sidecar that is read, in bytes.
const maxSidecar = 4 << 20

// readSidecar adds to the file's own metadata what an export says about it, and overrides it with its sidecar's. What cannot be read now, but is known,
// stays.
func readSidecar(ctx context.Context, w *worker, f *reading) (end bool, err error) {
	t := &f.task
	if f.unread {
		return false, nil
	}
	if (t.sidecarAway || t.export.away) && t.known != nil {
		known, err := w.knownMetadata(ctx, t)
		if err != nil {
			return false, err
		}
		t.meta = addExport(t.meta, known)
		t.meta.OwnerMetadata = known.OwnerMetadata
	}
	if t.export.Name != "" && !t.export.away {
		if !w.readExport(t) {
			t.export.Sidecar = store.Sidecar{} // the next run finds it again, if it exists
		}
	}
	if t.sidecar.Name == "" || t.sidecarAway {
		return false, nil
	}
	said, stat, err := readSaying(w.beside(t, t.sidecar.Name), w.req.Reader.Sidecar)
	bad, readable := errors.AsType[*SidecarError](err)
	if err != nil && !readable {
		t.sidecar = store.Sidecar{}
		return false, nil
	}
	if readable {
		w.req.On.Noticed(SidecarUnreadable{bad.Path, bad.Err})
	} else {
		t.meta = addSidecar(t.meta, said)
	}
	t.sidecar.Stat = stat
	return false, nil
}

// beside returns the path of a file in the folder of a task's file.
func (w *worker) beside(t *task, name string) string {
	place := t.place
	place.Name = name
	return w.path(place)
}

// readExport adds what an export says about a file; ok is false if that cannot be read now.
func (w *worker) readExport(t *task) (ok bool) {
	var parts [2][]byte
	var stats [2]store.Stat
	e := &t.export
	for i, name := range []string{e.picture, e.folder} {
		if name == "" {
			continue
		}
		data, stat, err := readBounded(w.beside(t, name))
		bad, readable := errors.AsType[*SidecarError](err)
		if err != nil && !readable {
			return false
		}
		if readable {
			w.req.On.Noticed(SidecarUnreadable{bad.Path, bad.Err})
		} else {
			parts[i] = data
		}
		stats[i] = stat
	}
	e.Stat = store.Stat{Size: stats[0].Size + stats[1].Size, MTimeNS: stats[0].MTimeNS ^ stats[1].MTimeNS}
	for i, name := range []string{e.picture, e.folder} { // one of them may be damaged
		if parts[i] == nil {
			continue
		}
		said, err := w.req.Reader.Export([][]byte{parts[0], nil}[i], [][]byte{nil, parts[1]}[i])
		if err != nil {
			w.req.On.Noticed(SidecarUnreadable{w.beside(t, name), err})
			continue
		}
		t.meta = addExport(t.meta, said)
	}
	return true
}

// knownMetadata returns the metadata that the index has of a known file, for which something cannot be read now. Few files need this lookup.
func (w *worker) knownMetadata(ctx context.Context, t *task) (store.Metadata, error) {
	known, err := w.store.Known(ctx, w.req.Model.Identity, []store.Place{t.known.Place})
	if err != nil {
		return store.Metadata{}, &indexError{err}
	}
	if f := known[t.known.Place].File; f != nil {
		return f.Metadata, nil
	}
	return store.Metadata{}, nil
}

// addSidecar overrides a file's owner metadata with a sidecar's, and fills in a date and a position that the file does not have.
func addSidecar(m, said store.Metadata) store.Metadata {
	m.OwnerMetadata = over(m.OwnerMetadata, said.OwnerMetadata)
	return addDate(m, said)
}

// addExport adds what an export says to a file's metadata: what the file says itself stays.
func addExport(m, said store.Metadata) store.Metadata {
	for _, k := range said.Keywords {
		if !slices.Contains(m.Keywords, k) {
			m.Keywords = append(slices.Clip(m.Keywords), k)
		}
	}
	said.Keywords = m.Keywords
	m.OwnerMetadata = fill(m.OwnerMetadata, said.OwnerMetadata)
	return addDate(m, said)
}

// addDate fills in a date and a position.
func addDate(m, said store.Metadata) store.Metadata {
	if said.TakenAt != "" && (m.TakenAt == "" || m.TakenSource == store.DateModified) {
		m.TakenAt, m.TakenSource = said.TakenAt, said.TakenSource
	}
	if m.Position == nil {
		m.Position = said.Position
	}
	return m
}

// SidecarError is an error that a sidecar's own content is to blame for.
type SidecarError struct {
	Path string
	Err  error
}

func (e *SidecarError) Error() string { return e.Path + " cannot be read: " + e.Err.Error() }

func (e *SidecarError) Unwrap() error { return e.Err }

// readSaying reads a file that says something about a picture. If its content is to blame, the error is a *SidecarError.
func readSaying(path string, parse func([]byte) (store.Metadata, error)) (m store.Metadata, stat store.Stat, err error) {
	data, stat, err := readBounded(path)
	if err != nil {
		return m, stat, err
	}
	if m, err = parse(data); err != nil {
		err = &SidecarError{path, err}
	}
	return m, stat, err
}

// readBounded reads a sidecar or an export's JSON, which must be a regular file of at most maxSidecar bytes; otherwise the error is a *SidecarError.
func readBounded(path string) ([]byte, store.Stat, error) {
	stat, err := statFile(path)
	if err != nil {
		return nil, stat, err
	}
	if stat.Size > maxSidecar {
		return nil, stat, &SidecarError{path, fmt.Errorf("the file is too large (%d bytes)", stat.Size)}
	}
	data, err := regular.Read(path, regular.NoLinks, maxSidecar)
	if errors.Is(err, regular.ErrLink) || errors.Is(err, regular.ErrNotRegular) || errors.Is(err, regular.ErrTooLarge) {
		return nil, stat, &SidecarError{path, fserr.Cause(err)}
	}
	return data, stat, err
}

// over returns owner metadata overridden by what another source says.
func over(owner, said store.OwnerMetadata) store.OwnerMetadata {
	if said.Rated {
		owner.Rating, owner.Rated = said.Rating, true
	}
	if len(said.Keywords) > 0 {
		owner.Keywords = said.Keywords
	}
	if len(said.People) > 0 {
		owner.People, owner.Boxes = said.People, said.Boxes
	}
	owner.Description = cmp.Or(said.Description, owner.Description)
	return owner
}

// WithSidecar returns a file's metadata with what its sidecar and an export say about it, if there are any.
func WithSidecar(r Reader, file string, m store.Metadata) (store.Metadata, error) {
	dir, name := filepath.Split(file)
	dir = filepath.Clean(dir)
	var failed error
	read := func(name string, parse func([]byte) (store.Metadata, error), add func(m, said store.Metadata) store.Metadata) {
		said, _, err := readSaying(filepath.Join(dir, name), parse)
		switch {
		case err == nil:
			m = add(m, said)
		case !errors.Is(err, fs.ErrNotExist):
			failed = err
		}
	}
	exports := scan.ExportsIn(dir)
	if of, ok := exports.Of(name); ok && !of.Placeholder {
		read(of.Name, func(data []byte) (store.Metadata, error) { return r.Export(data, nil) }, addExport)
	}
	if album, ok := exports.Album(); ok && !album.Placeholder {
		read(album.Name, func(data []byte) (store.Metadata, error) { return r.Export(nil, data) }, addExport)
	}
	if s, ok := scan.SidecarsIn(dir).Of(name); ok && !s.Placeholder {
		read(s.Name, r.Sidecar, addSidecar)
	}
	return m, failed
}
