package app

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/models"
)

// Model is a model without its towers.
type Model struct {
	Spec      embed.Spec
	Precision embed.Precision
	Identity  string
}

// NewModel returns a model in a precision.
func NewModel(spec embed.Spec, p embed.Precision) Model {
	return Model{Spec: spec, Precision: p, Identity: spec.Identity(p)}
}

// Stored returns the model as an index stores it.
func (m Model) Stored() store.Model {
	return store.Model{Identity: m.Identity, Name: m.Spec.Model.Name, Ref: m.Spec.Model.Ref(), Dim: m.Spec.Dim, Precision: string(m.Precision)}
}

// ModelChoice is a requested model, by name or folder, and precision. Empty fields leave the choice to the index.
type ModelChoice struct{ Name, Precision string }

// ErrPrecision is the error for a precision that does not exist.
var ErrPrecision = errors.New("unknown precision")

// Check returns an error if the name or the precision does not exist. It is called before any other work.
func (a *App) Check(c ModelChoice) error {
	if c.Precision != "" {
		if _, err := embed.ParsePrecision(c.Precision); err != nil {
			return fmt.Errorf("%w %q", ErrPrecision, c.Precision)
		}
	}
	if c.Name == "" {
		return nil
	}
	if _, err := a.Models().Open(c.Name); errors.Is(err, models.ErrUnknown) {
		return err
	}
	return nil
}

// NotInstalledError is a model of the catalogue that has not been downloaded.
type NotInstalledError struct {
	Name string
	Err  error
}

func (e *NotInstalledError) Error() string { return e.Err.Error() }

func (e *NotInstalledError) Unwrap() error { return e.Err }

// RemovedError is an index's model whose files no longer exist.
type RemovedError struct{ Ref string }

func (e *RemovedError) Error() string {
	return fmt.Sprintf("%v: the index's model %s is no longer installed", models.ErrMissing, e.Ref)
}

func (e *RemovedError) Unwrap() error { return models.ErrMissing }

// OpenSpec resolves a model's name or folder, and reads the model's small files and its digests.
func (a *App) OpenSpec(nameOrDir string) (embed.Spec, error) {
	m, err := a.Models().Open(nameOrDir)
	if errors.Is(err, models.ErrNotInstalled) {
		return embed.Spec{}, &NotInstalledError{nameOrDir, err}
	}
	if err != nil {
		return embed.Spec{}, err
	}
	spec, err := embed.ReadSpec(m)
	if err != nil {
		return spec, err
	}
	return spec, spec.ReadDigests(a.digestCache())
}

// ReadSpec opens a model without its digests: child processes do not need the model's identity.
func (a *App) ReadSpec(nameOrDir string) (embed.Spec, error) {
	m, err := a.Models().Open(nameOrDir)
	if err != nil {
		return embed.Spec{}, fmt.Errorf("open model %q: %w", nameOrDir, err)
	}
	return embed.ReadSpec(m)
}

func (a *App) digestCache() string {
	if dirs := a.CacheDirs(); len(dirs) > 0 {
		return filepath.Join(dirs[0], "digests.json")
	}
	return ""
}

// ChooseModel opens the requested model, else the index's model (with wanted, the one that is to become the default), else the
// built-in one. If a model is requested without a precision, it takes the precision that the index has. ix may be nil.
func (a *App) ChooseModel(ctx context.Context, ix store.Store, asked ModelChoice, wanted bool) (Model, error) {
	var usual store.Model
	var known store.Models
	if ix != nil {
		var err error
		if known, err = ix.Models(ctx); err != nil {
			return Model{}, err
		}
		usual = UsualModel(known, wanted)
	}
	ofIndex := asked.Name == "" && usual.Ref != ""
	if asked.Name == "" {
		asked.Name = usual.Ref
		if asked.Precision == "" {
			asked.Precision = usual.Precision
		}
	}
	if asked.Name == "" {
		asked.Name = models.StarterName
	}
	spec, err := a.OpenSpec(asked.Name)
	if ofIndex && errors.Is(err, models.ErrUnknown) {
		err = &RemovedError{usual.Ref}
	}
	if err != nil {
		return Model{}, err
	}
	if asked.Precision != "" {
		p, err := embed.ParsePrecision(asked.Precision)
		if err != nil {
			return Model{}, fmt.Errorf("open model %q: %w", asked.Name, err)
		}
		return NewModel(spec, p), nil
	}
	full, quantised := NewModel(spec, embed.FP32), NewModel(spec, embed.Int8)
	if full.Identity == usual.Identity {
		return full, nil
	}
	_, hasFP32 := known.ByIdentity(full.Identity)
	_, hasInt8 := known.ByIdentity(quantised.Identity)
	if quantised.Identity == usual.Identity || hasInt8 && !hasFP32 {
		return quantised, nil
	}
	return full, nil
}

// EnsureModel adds a model to an index unless it is there. If the model is still at the place that the index has stored, that place
// is kept: a copy of the files elsewhere may be temporary.
func (a *App) EnsureModel(ctx context.Context, ix store.Store, m Model) (store.Model, error) {
	all, err := ix.Models(ctx)
	if err != nil {
		return store.Model{}, err
	}
	known, ok := all.ByIdentity(m.Identity)
	if ok && known.Ref != m.Spec.Model.Ref() {
		if spec, err := a.OpenSpec(known.Ref); err == nil && spec.Identity(m.Precision) == known.Identity {
			return known, nil
		}
	}
	return ix.PutModel(ctx, m.Stored())
}

// UsualModel returns an index's model, the zero value if it has none.
func UsualModel(known store.Models, wanted bool) store.Model {
	if wanted {
		if m, ok := known.Of(store.Wanted); ok {
			return m
		}
	}
	m, _ := known.Of(store.Default)
	return m
}
