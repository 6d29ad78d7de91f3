package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/ortlib"
	"github.com/imgsearch/imgsearch/index/sqlite"
	"github.com/imgsearch/imgsearch/models"
)

// App is what all commands share: streams, the global flags, and the way to an index and a model.
type App struct {
	streams    Streams
	interrupts interrupts

	index   string // --index
	ortLib  string // --ort-lib
	json    bool
	quiet   bool
	verbose bool
}

// logf tells of details with --verbose.
func (a *App) logf(format string, args ...any) {
	if a.verbose {
		fmt.Fprintf(a.streams.Err, "imgsearch: "+format+"\n", args...)
	}
}

// warnf tells of what the owner should know, unless --quiet.
func (a *App) warnf(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintf(a.streams.Err, "imgsearch: warning: "+format+"\n", args...)
	}
}

// notef says something in passing, unless --quiet.
func (a *App) notef(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintf(a.streams.Err, "imgsearch: "+format+"\n", args...)
	}
}

// openReadOnly opens the index for reading.
func (a *App) openReadOnly(ctx context.Context) (*sqlite.Store, error) {
	path, err := a.indexPath()
	if err != nil {
		return nil, err
	}
	return sqlite.OpenReadOnly(ctx, path)
}

// libraryOptions say where the native runtime is looked for.
func (a *App) libraryOptions() ortlib.Options {
	explicit := a.ortLib
	if explicit == "" {
		explicit = os.Getenv("IMGSEARCH_ORT_LIB")
	}
	return ortlib.Options{Explicit: explicit, UnpackDirs: a.cacheDirs()}
}

// model is a model with everything but its towers.
type model struct {
	spec     embed.Spec
	identity string
}

// stored is the model as the index knows it.
func (m model) stored() sqlite.Model {
	return sqlite.Model{Identity: m.identity, Name: m.spec.Model.Name, Ref: m.spec.Model.Ref(), Dim: m.spec.Dim, Precision: embed.Precision}
}

// openModel resolves --model: a name or a folder. Its small files are read, its digests asked for.
func (a *App) openModel(nameOrDir string) (model, error) {
	m, err := models.Open(nameOrDir)
	if err != nil {
		return model{}, err
	}
	spec, err := embed.ReadSpec(m)
	if err != nil {
		return model{}, err
	}
	var cache string
	if dirs := a.cacheDirs(); len(dirs) > 0 {
		cache = filepath.Join(dirs[0], "digests.json")
	}
	digests, err := m.Digests(cache)
	if err != nil {
		return model{}, err
	}
	return model{spec: spec, identity: embed.Identity(digests)}, nil
}

// checkModelName refuses a --model that is no model's name, before anything else is looked at.
func checkModelName(nameOrDir string) error {
	if nameOrDir == "" {
		return nil
	}
	if _, err := models.Open(nameOrDir); errors.Is(err, models.ErrUnknown) {
		return err
	}
	return nil
}

// chooseModel opens the model that was asked for, else the index's default, else the built-in one.
func (a *App) chooseModel(ctx context.Context, store *sqlite.Store, asked string) (model, error) {
	if asked == "" && store != nil {
		stored, ok, err := store.DefaultModel(ctx)
		if err != nil {
			return model{}, err
		}
		if ok {
			asked = stored.Ref
		}
	}
	if asked == "" {
		asked = models.StarterName
	}
	return a.openModel(asked)
}

// loader returns the one loader for a model.
func (a *App) loader(m model, once bool) *embed.Loader {
	return embed.NewLoader(m.spec, embed.Options{Library: a.libraryOptions(), Once: once, Logf: a.logf})
}
