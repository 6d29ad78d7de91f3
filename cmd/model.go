package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/models"
)

// model is a model with everything but its towers.
type model struct {
	spec      embed.Spec
	precision embed.Precision
	identity  string
}

func newModel(spec embed.Spec, p embed.Precision) model {
	return model{spec: spec, precision: p, identity: spec.Identity(p)}
}

// stored is the model as the index knows it.
func (m model) stored() store.Model {
	return store.Model{Identity: m.identity, Name: m.spec.Model.Name, Ref: m.spec.Model.Ref(), Dim: m.spec.Dim, Precision: string(m.precision)}
}

// askedModel is what --model and --precision say; empty ones leave it to the index.
type askedModel struct{ name, precision string }

// flags are the words that were given, each with a space before it.
func (q askedModel) flags() (text string) {
	if q.name != "" {
		text += " --model " + q.name
	}
	if q.precision != "" {
		text += " --precision " + q.precision
	}
	return text
}

// check refuses a name or precision that there is not, before anything else is looked at.
func (q askedModel) check(a *App) error {
	if q.precision != "" {
		if _, err := embed.ParsePrecision(q.precision); err != nil {
			return usageError("give fp32 or int8", "--precision: %w", err)
		}
	}
	if q.name == "" {
		return nil
	}
	if _, err := a.models().Open(q.name); errors.Is(err, models.ErrUnknown) {
		return err
	}
	return nil
}

// models is the store of pulled models: IMGSEARCH_MODELS, or a folder in the platform's data folder.
func (a *App) models() models.Store {
	if dir := os.Getenv("IMGSEARCH_MODELS"); dir != "" {
		return models.Store{Dir: dir}
	}
	dir, err := dataDir()
	if err != nil {
		return models.Store{} // no home: only the built-in model and folders
	}
	return models.Store{Dir: filepath.Join(dir, "models")}
}

// openSpec resolves a name or a folder. The model's small files are read, its digests asked for.
func (a *App) openSpec(nameOrDir string) (embed.Spec, error) {
	m, err := a.models().Open(nameOrDir)
	if errors.Is(err, models.ErrNotInstalled) {
		return embed.Spec{}, &codedError{code: exitModel, err: err, hint: fmt.Sprintf("download it with `imgsearch models pull %s`", nameOrDir)}
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

func (a *App) digestCache() string {
	if dirs := a.cacheDirs(); len(dirs) > 0 {
		return filepath.Join(dirs[0], "digests.json")
	}
	return ""
}

// chooseModel opens the model that was asked for, else that of the index (wanted: the one that is to be the default),
// else the built-in one. Where a model is named without a precision, the one counts that the index has it in.
func (a *App) chooseModel(ctx context.Context, ix store.Store, asked askedModel, wanted bool) (model, error) {
	var usual store.Model
	var known store.Models
	if ix != nil {
		var err error
		if known, err = ix.Models(ctx); err != nil {
			return model{}, err
		}
		usual = usualModel(known, wanted)
	}
	ofIndex := asked.name == "" && usual.Ref != ""
	if asked.name == "" {
		asked.name = usual.Ref
		if asked.precision == "" {
			asked.precision = usual.Precision
		}
	}
	if asked.name == "" {
		asked.name = models.StarterName
	}
	spec, err := a.openSpec(asked.name)
	if ofIndex && errors.Is(err, models.ErrUnknown) {
		err = &codedError{code: exitModel, err: fmt.Errorf("%w: the index's model %s is not installed any more", models.ErrMissing, usual.Ref),
			hint: "pull it again (`imgsearch models pull`), or choose another with `imgsearch models use NAME`"}
	}
	if err != nil {
		return model{}, err
	}
	if asked.precision != "" {
		p, err := embed.ParsePrecision(asked.precision)
		if err != nil {
			return model{}, fmt.Errorf("open model %q: %w", asked.name, err)
		}
		return newModel(spec, p), nil
	}
	full, quantised := newModel(spec, embed.FP32), newModel(spec, embed.Int8)
	if full.identity == usual.Identity {
		return full, nil
	}
	_, hasFP32 := known.ByIdentity(full.identity)
	_, hasInt8 := known.ByIdentity(quantised.identity)
	if quantised.identity == usual.Identity || hasInt8 && !hasFP32 {
		return quantised, nil
	}
	return full, nil
}

// ensureModel makes the index know a model. The place where the index knows it stays, while it is there: a copy of the
// files elsewhere may go again.
func (a *App) ensureModel(ctx context.Context, ix store.Store, m model) (store.Model, error) {
	all, err := ix.Models(ctx)
	if err != nil {
		return store.Model{}, err
	}
	known, ok := all.ByIdentity(m.identity)
	if ok && known.Ref != m.spec.Model.Ref() {
		if spec, err := a.openSpec(known.Ref); err == nil && spec.Identity(m.precision) == known.Identity {
			return known, nil
		}
	}
	return ix.PutModel(ctx, m.stored())
}

// usualModel is the index's model, the zero value where it has none.
func usualModel(known store.Models, wanted bool) store.Model {
	if wanted {
		if m, ok := known.Of(store.Wanted); ok {
			return m
		}
	}
	m, _ := known.Of(store.Default)
	return m
}

// loader returns the one loader for a model, on the provider that was asked for.
func (a *App) loader(m model, once bool) *embed.Loader {
	return a.loaderWith(m, once, a.acceleration())
}

func (a *App) loaderWith(m model, once bool, on embed.Acceleration) *embed.Loader {
	l := embed.NewLoader(m.spec, embed.Options{
		Library: a.runtimeOptions(), Accelerate: on, Precision: m.precision, CacheDirs: a.cacheDirs(), FreeBytes: freeBytes, Once: once, Logf: a.logf, Notef: a.notef,
	})
	a.mu.Lock()
	defer a.mu.Unlock()
	a.loaders = append(a.loaders, l)
	return l
}

// modelFlags adds the flags that choose a model.
func modelFlags(f *pflag.FlagSet, q *askedModel) {
	f.StringVar(&q.name, "model", "", "the model: a `NAME` of `imgsearch models list`, or the folder of one (default: the index's)")
	f.StringVar(&q.precision, "precision", "", "`fp32`, or int8: faster on most processors, nearly the same vectors (default: the index's)")
}
