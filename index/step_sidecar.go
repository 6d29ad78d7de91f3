package index

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/fserr"
	"github.com/imgsearch/imgsearch/internal/regular"
	"github.com/imgsearch/imgsearch/scan"
)

// maxSidecar is the size of the largest sidecar that is read, in bytes.
const maxSidecar = 4 << 20

// readSidecar overrides the file's own metadata with its sidecar's. If the sidecar cannot be read now, what was known stays.
func readSidecar(ctx context.Context, w *worker, f *reading) (end bool, err error) {
	t := &f.task
	if f.unread {
		return false, nil
	}
	if t.sidecarAway && t.known != nil {
		t.meta.OwnerMetadata, err = w.knownOwner(ctx, t)
	}
	if t.sidecar.Name == "" || t.sidecarAway {
		return false, err
	}
	beside := t.place
	beside.Name = t.sidecar.Name
	owner, stat, err := overlay(w.req.Reader, w.path(beside), t.meta.OwnerMetadata)
	bad, readable := errors.AsType[*SidecarError](err)
	if err != nil && !readable {
		t.sidecar = store.Sidecar{} // the next run finds it again, if it exists
		return false, nil
	}
	if readable {
		w.req.On.Noticed(SidecarUnreadable{bad.Path, bad.Err})
	}
	t.meta.OwnerMetadata, t.sidecar.Stat = owner, stat
	return false, nil
}

// knownOwner returns the owner metadata that the index has of a known file whose sidecar cannot be read now. Few files need this lookup.
func (w *worker) knownOwner(ctx context.Context, t *task) (store.OwnerMetadata, error) {
	known, err := w.store.Known(ctx, w.req.Model.Identity, []store.Place{t.known.Place})
	if err != nil {
		return store.OwnerMetadata{}, &indexError{err}
	}
	if f := known[t.known.Place].File; f != nil {
		return f.OwnerMetadata, nil
	}
	return store.OwnerMetadata{}, nil
}

// SidecarError is an error that a sidecar's own content is to blame for.
type SidecarError struct {
	Path string
	Err  error
}

func (e *SidecarError) Error() string { return e.Path + " cannot be read: " + e.Err.Error() }

func (e *SidecarError) Unwrap() error { return e.Err }

// overlay reads a sidecar and overrides owner with what it says. If the sidecar is damaged, the error is a *SidecarError.
func overlay(r Reader, path string, owner store.OwnerMetadata) (store.OwnerMetadata, store.Stat, error) {
	stat, err := statFile(path)
	if err != nil {
		return owner, stat, err
	}
	if stat.Size > maxSidecar {
		return owner, stat, &SidecarError{path, fmt.Errorf("the file is too large (%d bytes)", stat.Size)}
	}
	data, err := regular.Read(path, regular.NoLinks, maxSidecar)
	if errors.Is(err, regular.ErrLink) || errors.Is(err, regular.ErrNotRegular) || errors.Is(err, regular.ErrTooLarge) {
		return owner, stat, &SidecarError{path, fserr.Cause(err)}
	}
	if err != nil {
		return owner, stat, err
	}
	said, err := r.Sidecar(data)
	if err != nil {
		return owner, stat, &SidecarError{path, err}
	}
	return over(owner, said), stat, nil
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

// WithSidecar overrides a file's owner metadata with that of its sidecar, if it has one.
func WithSidecar(r Reader, file string, owner store.OwnerMetadata) (store.OwnerMetadata, error) {
	dir, name := filepath.Split(file)
	s, ok := scan.SidecarsIn(filepath.Clean(dir)).Of(name)
	if !ok || s.Placeholder {
		return owner, nil
	}
	owner, _, err := overlay(r, filepath.Join(dir, s.Name), owner)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return owner, err
}
