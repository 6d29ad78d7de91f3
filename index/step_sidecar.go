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

// readSidecar overrides a file's own metadata with what its sidecar says, and adds what an export says. What cannot be read now, but is known, stays; the
// file is read again when the sidecar or the export is back.
func readSidecar(ctx context.Context, w *worker, f *reading) (end bool, err error) {
	t := &f.task
	if f.unread {
		return false, nil
	}
	if t.sidecar.Name != "" || t.sidecarAway {
		here := !t.sidecarAway && w.readOwn(t)
		if !here {
			if err := w.keepKnown(ctx, t, &t.sidecar, func(m, known store.Metadata) store.Metadata {
				m.OwnerMetadata = over(m.OwnerMetadata, known.OwnerMetadata)
				return addDate(m, known)
			}); err != nil {
				return false, err
			}
		}
	}
	if t.export.Name != "" || t.export.away {
		here := !t.export.away && w.readExport(t)
		if !here {
			return false, w.keepKnown(ctx, t, &t.export.Sidecar, addExport)
		}
	}
	return false, nil
}

// keepKnown adds what the index knows to the metadata of a file, since something beside it cannot be read now. The next run finds that again.
func (w *worker) keepKnown(ctx context.Context, t *task, beside *store.Sidecar, add func(m, known store.Metadata) store.Metadata) error {
	if t.known == nil {
		*beside = store.Sidecar{}
		return nil
	}
	known, err := w.knownMetadata(ctx, t)
	if err == nil {
		t.meta, beside.Stat = add(t.meta, known), store.Stat{}
	}
	return err
}

// readOwn adds what a file's sidecar says, before any damage in it; ok is false if the sidecar cannot be read now.
func (w *worker) readOwn(t *task) (ok bool) {
	said, stat, err := readSaying(w.beside(t, t.sidecar.Name), w.req.Reader.Sidecar)
	if err != nil && !w.unreadable(t.sidecar.Name, t, err) {
		if errors.Is(err, fs.ErrNotExist) { // it was deleted meanwhile
			t.sidecar, ok = store.Sidecar{}, true
		}
		return ok
	}
	t.meta, t.sidecar.Stat = addSidecar(t.meta, said), stat
	return true
}

// unreadable reports an error of something beside a file; content is false if its content is not to blame.
func (w *worker) unreadable(name string, t *task, err error) (content bool) {
	if bad, ok := errors.AsType[*SidecarError](err); ok {
		w.req.On.Noticed(SidecarUnreadable{bad.Path, bad.Err})
		return true
	}
	if !errors.Is(err, fs.ErrNotExist) {
		w.req.On.Noticed(SidecarUnreadable{w.beside(t, name), fserr.Cause(err)})
	}
	return false
}

// beside returns the path of a file in the folder of a task's file.
func (w *worker) beside(t *task, name string) string {
	place := t.place
	place.Name = name
	return w.path(place)
}

// readExport adds what an export says about a file; ok is false if that cannot be read now. What is damaged adds nothing.
func (w *worker) readExport(t *task) (ok bool) {
	e := &t.export
	meta := t.meta
	var stats [2]store.Stat
	for i, part := range []struct {
		name  string
		parse func([]byte) (store.Metadata, error)
	}{{e.picture, exportOf(w.req.Reader, t.place.Name)}, {e.folder, w.req.Reader.Album}} {
		if part.name == "" {
			continue
		}
		said, stat, err := readSaying(w.beside(t, part.name), part.parse)
		if err != nil && !w.unreadable(part.name, t, err) {
			return false
		}
		meta, stats[i] = addExport(meta, said), stat
	}
	t.meta, e.Stat = meta, joinStats(stats[0], stats[1])
	return true
}

// exportOf returns the parser of the JSON about a picture whose file has a name.
func exportOf(r Reader, name string) func([]byte) (store.Metadata, error) {
	return func(data []byte) (store.Metadata, error) { return r.Export(name, data) }
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

// readSaying reads a sidecar or an export's JSON, which must be a regular file of at most maxSidecar bytes. If its content is to blame, the error is a
// *SidecarError, and m is what comes before the damage.
func readSaying(path string, parse func([]byte) (store.Metadata, error)) (m store.Metadata, stat store.Stat, err error) {
	stat, err = statFile(path)
	if err != nil {
		return m, stat, err
	}
	if stat.Size > maxSidecar {
		return m, stat, &SidecarError{path, fmt.Errorf("the file is too large (%d bytes)", stat.Size)}
	}
	data, err := regular.Read(path, regular.NoLinks, maxSidecar)
	if errors.Is(err, regular.ErrLink) || errors.Is(err, regular.ErrNotRegular) || errors.Is(err, regular.ErrTooLarge) {
		return m, stat, &SidecarError{path, fserr.Cause(err)}
	}
	if err != nil {
		return m, stat, err
	}
	if m, err = parse(data); err != nil {
		err = &SidecarError{path, err}
	}
	return m, stat, err
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
		if m = add(m, said); err != nil && !errors.Is(err, fs.ErrNotExist) {
			failed = err
		}
	}
	if s, ok := scan.SidecarsIn(dir).Of(name); ok && !s.Placeholder {
		read(s.Name, r.Sidecar, addSidecar)
	}
	exports := scan.ExportsIn(dir)
	if of, ok := exports.Of(name); ok && !of.Placeholder {
		read(of.Name, exportOf(r, name), addExport)
	}
	if album, ok := exports.Album(); ok && !album.Placeholder {
		read(album.Name, r.Album, addExport)
	}
	return m, failed
}
