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
	// ErrBuiltIn is the error for a download of the built-in model.
	ErrBuiltIn = errors.New("the model starter is built in")
	// ErrTextBuiltIn is the error for a download of the built-in text model.
	ErrTextBuiltIn = errors.New("the text model " + models.TextBuiltinName + " is built in")
	// ErrPinned is the error for a revision of a text model, whose revisions the catalogue fixes.
	ErrPinned = errors.New("the catalogue fixes the revision of this text model")
	// ErrNotRepository is the error for a name with a slash that is not a possible name of a repository.
	ErrNotRepository = errors.New("not a valid repository name")
	// ErrNoModels is the error if the environment names no folder for models.
	ErrNoModels = errors.New("no folder for models")
)

// CatalogueNameError is a model from another source under a name that the catalogue uses.
type CatalogueNameError struct{ Name, Repository string }

func (e *CatalogueNameError) Error() string {
	return fmt.Sprintf("%q is the catalogue's name for %s", e.Name, e.Repository)
}

// SameRevision is the notice that the installed revision of a model is downloaded again: that repairs it without turning it into a different
// model, of which the index has no vectors.
type SameRevision struct{ Revision string }

// Untried is the notice that a downloaded model could not be tested, because there is no runtime library.
type Untried struct{ Err error }

// Download receives the progress of a download. All of its functions must be set.
type Download struct {
	Total    func(bytes int64) // the total size, as soon as it is known
	Got      func(bytes int64) // bytes received; negative: that many were discarded
	Checking func()            // the download is complete and is being tested
}

// CheckSourceName returns an error if name is the catalogue's name for a model from another repository. repository is "" for models from
// other sources: a folder or an address.
func CheckSourceName(name, repository string) error {
	catalogue, err := models.ReadCatalogue()
	if err != nil {
		return err
	}
	if e, known := catalogue.Lookup(name); known && repository != e.Repository {
		return &CatalogueNameError{e.Name, e.Repository}
	}
	if models.IsText(name) {
		return &CatalogueNameError{name, "a text model"}
	}
	return nil
}

// HubClient returns a client of the hub that is configured by the environment and reports its notices.
func (a *App) HubClient() *hub.Client {
	c := hub.NewClient()
	c.Notify = func(n hub.Notice) { a.Notify(n) }
	return c
}

// HubSource resolves a name of the catalogue, or ORGANISATION/NAME of the hub, to a model's name and the source of its files.
// Without a revision, it uses that of the installed model, else the newest one.
func (a *App) HubSource(nameOrRepository, revision string) (name string, source hub.Source, err error) {
	if nameOrRepository == models.StarterName {
		return "", nil, ErrBuiltIn
	}
	if models.IsText(nameOrRepository) {
		source, err = a.textSource(nameOrRepository, revision)
		return nameOrRepository, source, err
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

// textSource returns the source of a text model's files.
func (a *App) textSource(name, revision string) (hub.Source, error) {
	switch {
	case name == models.TextBuiltinName:
		return nil, ErrTextBuiltIn
	case revision != "":
		return nil, ErrPinned
	}
	catalogue, err := models.ReadCatalogue()
	if err != nil {
		return nil, err
	}
	entry, _ := catalogue.LookupText(name)
	return &hub.Parts{Client: a.HubClient(), Files: entry.Files}, nil
}

// Pull downloads a model's files and tests the model.
func (a *App) Pull(ctx context.Context, name string, source hub.Source, on Download) (models.Manifest, error) {
	store := a.Models()
	if store.Dir == "" {
		return models.Manifest{}, fmt.Errorf("%w: %w", ErrNoModels, ErrNoHome)
	}
	if models.IsText(name) {
		return hub.Pull(ctx, hub.Request{
			Name: name, Source: source, Store: store, Free: disk.Free, Total: on.Total, Got: on.Got,
			Files:   []string{models.TextDetectorFile, models.TextRecogniserFile, models.TextConfigFile},
			Weights: func(string) ([]string, error) { return nil, nil },
			Check: func(dir string, _ *models.Manifest) error {
				on.Checking()
				return a.untried(a.tryText(models.OpenTextDir(name, dir)))
			},
		})
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

// try tests a downloaded model. Without a runtime library, it only checks the files.
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
	a.Logf("testing both towers")
	found, err := embed.Check(spec, embed.Options{Library: a.Runtime(), Logf: a.Logf})
	if err == nil {
		manifest.DynamicBatch, manifest.Rewriting = found.DynamicBatch, found.Rewriting
	}
	return a.untried(err)
}

// untried returns the error of a test. If the test could not run because there is no runtime library, that is only a notice.
func (a *App) untried(err error) error {
	if errors.Is(err, ortlib.ErrNotFound) || errors.Is(err, ortlib.ErrNoPlace) || errors.Is(err, ortlib.ErrUnusable) {
		a.Notify(Untried{err})
		return nil
	}
	return err
}
