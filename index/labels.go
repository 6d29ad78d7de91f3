package index

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/imgsearch/imgsearch/index/sqlite"
	"github.com/imgsearch/imgsearch/scan"
)

// maxSidecar bounds a sidecar that is read, in bytes.
const maxSidecar = 4 << 20

// readSidecar puts what a file's sidecar says over what the file says of itself. Where the sidecar is away, what was known stays.
func (w *reader) readSidecar(ctx context.Context, t *task) (err error) {
	if t.sidecarAway && t.known != nil {
		t.labels, err = w.knownLabels(ctx, t)
	}
	if t.sidecar.Name == "" || t.sidecarAway {
		return err
	}
	beside := t.place
	beside.Name = t.sidecar.Name
	labels, stat, err := overlay(w.req.Reader, w.path(beside), t.labels)
	if _, readable := errors.AsType[*sidecarError](err); err != nil && !readable {
		t.sidecar = sqlite.Sidecar{} // the next run sees it again, if it is there
		return nil
	}
	if err != nil {
		w.req.On.Warned(err.Error())
	}
	t.labels, t.sidecar.Stat = labels, stat
	return nil
}

// knownLabels are what the index has of a known file.
func (w *reader) knownLabels(ctx context.Context, t *task) (sqlite.Labels, error) {
	l, err := w.store.Labels(ctx, t.known.ID)
	if err != nil {
		err = &indexError{err}
	}
	return l, err
}

// sidecarError is a sidecar whose content is to blame.
type sidecarError struct {
	path string
	err  error
}

func (e *sidecarError) Error() string { return e.path + " cannot be read: " + e.err.Error() }

// overlay reads a sidecar and puts what it says over labels. The error of one that is damaged is a *sidecarError.
func overlay(r Reader, path string, labels sqlite.Labels) (sqlite.Labels, sqlite.Stat, error) {
	stat, err := statFile(path)
	if err != nil {
		return labels, stat, err
	}
	if stat.Size > maxSidecar {
		return labels, stat, &sidecarError{path, fmt.Errorf("%d bytes are too many", stat.Size)}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return labels, stat, err
	}
	said, err := r.Sidecar(data)
	if err != nil {
		return labels, stat, &sidecarError{path, err}
	}
	if said.Rated {
		labels.Rating, labels.Rated = said.Rating, true
	}
	if len(said.Keywords) > 0 {
		labels.Keywords = said.Keywords
	}
	return labels, stat, nil
}

// WithSidecar puts what the sidecar of a file says over labels, where there is one.
func WithSidecar(r Reader, file string, labels sqlite.Labels) (sqlite.Labels, error) {
	dir, name := filepath.Split(file)
	s, ok := scan.SidecarsIn(filepath.Clean(dir)).Of(name)
	if !ok || s.Placeholder {
		return labels, nil
	}
	labels, _, err := overlay(r, filepath.Join(dir, s.Name), labels)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return labels, err
}

// fill are the labels l, those that it lacks from others. No stars are none given: cameras write that into each file.
func fill(l, from sqlite.Labels) sqlite.Labels {
	if l.Rating == 0 && from.Rated {
		l.Rating, l.Rated = from.Rating, true
	}
	if len(l.Keywords) == 0 {
		l.Keywords = from.Keywords
	}
	return l
}
