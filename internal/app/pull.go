package app

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/ortlib"
	"github.com/imgsearch/imgsearch/internal/disk"
	"github.com/imgsearch/imgsearch/models"
	"github.com/imgsearch/imgsearch/models/hub"
)

var (
	// ErrBuiltIn is a download of the built-in model.
	ErrBuiltIn = errors.New("the model starter is built in")
	// ErrNotRepository is a name with a slash that no repository of a hub can have.
	ErrNotRepository = errors.New("no repository of the hub")
	// ErrNoModels is an environment in which there is no place for models.
	ErrNoModels = errors.New("no place for models")
)

// CatalogueNameError is another source's model under a name of the catalogue.
type CatalogueNameError struct{ Name, Repository string }

func (e *CatalogueNameError) Error() string {
	return fmt.Sprintf("%q is the catalogue's name for %s", e.Name, e.Repository)
}

// SameRevision is the notice that a model is downloaded again as it was installed: that mends it, and does not make another model of
// it, whose vectors the index has not.
type SameRevision struct{ Revision string }

// Untried is the notice that a model that came could not be tried, as there is no runtime library.
type Untried struct{ Err error }

// Download is told how a download goes on; all of its functions are set.
type Download struct {
	Total    func(bytes int64) // what there is to come, once it is known
	Got      func(bytes int64) // what came; negative: what came was thrown away
	Checking func()            // all came, and is being tried
}

// CheckSourceName refuses to give a model of the hub's repository, or of anywhere else ("": a folder, an address), a name of the catalogue
// that means another.
func CheckSourceName(name, repository string) error {
	catalogue, err := models.ReadCatalogue()
	if err != nil {
		return err
	}
	if e, known := catalogue.Lookup(name); known && repository != e.Repository {
		return &CatalogueNameError{e.Name, e.Repository}
	}
	return nil
}

// HubClient is a client of the hub, as the environment wants it, that tells who waits what for.
func (a *App) HubClient() *hub.Client {
	c := hub.NewClient()
	c.Notify = func(n hub.Notice) { a.Notify(n) }
	return c
}

// HubSource resolves a name of the catalogue, or ORGANISATION/NAME of the hub, into a model's name and where its files come from.
// Without a revision, an installed model's own counts, else the newest.
func (a *App) HubSource(nameOrRepository, revision string) (name string, source hub.Source, err error) {
	if nameOrRepository == models.StarterName {
		return "", nil, ErrBuiltIn
	}
	name = path.Base(nameOrRepository)
	repository := nameOrRepository
	if organisation, rest, ok := strings.Cut(nameOrRepository, "/"); ok {
		if err := CheckSourceName(name, nameOrRepository); err != nil {
			return "", nil, err
		}
		if models.CheckName(organisation) != nil || models.CheckName(rest) != nil || strings.ContainsAny(nameOrRepository, "?#%") {
			return "", nil, fmt.Errorf("%q is %w", nameOrRepository, ErrNotRepository)
		}
	} else {
		catalogue, err := models.ReadCatalogue()
		if err != nil {
			return "", nil, err
		}
		entry, ok := catalogue.Lookup(nameOrRepository)
		if !ok {
			return "", nil, fmt.Errorf("%w %q", models.ErrUnknown, nameOrRepository)
		}
		name, repository = entry.Name, entry.Repository
	}
	if revision == "" {
		if m, err := a.Models().Manifest(name); err == nil && m.Revision != "" {
			a.Notify(SameRevision{m.Revision})
			revision = m.Revision
		}
	}
	return name, &hub.Repository{Client: a.HubClient(), Name: repository, Revision: revision}, nil
}

// Pull downloads a model's files and tries the model.
func (a *App) Pull(ctx context.Context, name string, source hub.Source, on Download) (models.Manifest, error) {
	store := a.Models()
	if store.Dir == "" {
		return models.Manifest{}, fmt.Errorf("%w: %w", ErrNoModels, ErrNoHome)
	}
	return hub.Pull(ctx, hub.Request{
		Name: name, Source: source, Store: store, Free: disk.Free, Total: on.Total, Got: on.Got,
		Weights: func(dir string) ([]string, error) {
			m, err := models.Open(dir)
			if err != nil {
				return nil, err
			}
			return embed.WeightFiles(m)
		},
		Check: func(dir string, m *models.Manifest) error {
			on.Checking()
			return a.try(name, dir, m)
		},
	})
}

// try tries a model that came. Without a runtime library only its files are examined.
func (a *App) try(name, dir string, manifest *models.Manifest) error {
	m, err := models.Open(dir)
	if err != nil {
		return err
	}
	m.Name = name
	spec, err := embed.ReadSpec(m)
	if err != nil {
		return err
	}
	a.Logf("trying both towers")
	found, err := embed.Check(spec, embed.Options{Library: a.Runtime(), Logf: a.Logf})
	if errors.Is(err, ortlib.ErrNotFound) || errors.Is(err, ortlib.ErrNoPlace) || errors.Is(err, ortlib.ErrUnusable) {
		a.Notify(Untried{err})
		return nil
	}
	manifest.DynamicBatch, manifest.Rewriting = found.DynamicBatch, found.Rewriting
	return err
}
