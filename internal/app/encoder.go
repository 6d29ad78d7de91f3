package app

import (
	"context"
	"errors"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/language"
	"github.com/imgsearch/imgsearch/internal/pictures"
)

// Engine returns the engine for an index. It calls loader when a query needs the model; loader returns nil if there is none.
func Engine(ix store.Store, loader func() *embed.Loader) *query.Engine {
	return query.New(ix, func(context.Context, store.Model) (query.Encoder, error) {
		if l := loader(); l != nil {
			return Encoder{l}, nil
		}
		return nil, query.ErrNoEncoder
	}, Calibration, func(m store.Model, language string) (string, bool) { return LanguagePrefix(m.Name, language) }, func(store.Model) string {
		if l := loader(); l != nil {
			return l.Epoch()
		}
		return ""
	})
}

// LanguagePrefix returns the prefix that a model expects before a text in a language, "" if the language is unknown. expected is false if
// the model expects no prefix.
func LanguagePrefix(model, name string) (prefix string, expected bool) {
	if !language.IsExpected(model) {
		return "", false
	}
	code, err := language.Code(name)
	if err != nil {
		return "", true
	}
	return code + " ", true
}

// NoModel is the loader argument of clients that never need a model.
func NoModel() *embed.Loader { return nil }

// Encoder gives the engine access to one loader's towers. The pictures of query terms are *pictures.Term.
type Encoder struct{ Loader *embed.Loader }

// Start starts loading the towers that will be needed.
func (e Encoder) Start(texts, pictures bool) {
	if texts {
		e.Loader.StartTextual()
	}
	if pictures {
		e.Loader.StartVisual()
	}
}

// Texts returns the vectors of texts.
func (e Encoder) Texts(ctx context.Context, texts []string) ([][]float32, error) {
	tower, err := e.Loader.Textual(ctx)
	if err != nil {
		return nil, err
	}
	return tower.Embed(texts)
}

var errForeignPicture = errors.New("the picture was not read by this program")

// Picture returns the vector of the picture of a query term.
func (e Encoder) Picture(ctx context.Context, p query.Given) ([]float32, error) {
	term, ok := p.(*pictures.Term)
	if !ok {
		return nil, errForeignPicture
	}
	f, err := term.File()
	if err != nil {
		return nil, err
	}
	return e.File(ctx, f)
}

// File computes a picture's vector in the same way as indexing does.
func (e Encoder) File(ctx context.Context, f pictures.File) ([]float32, error) {
	tensor, err := f.Tensor(e.Loader.Spec())
	if err != nil {
		return nil, err
	}
	tower, err := e.Loader.Visual(ctx)
	if err != nil {
		return nil, err
	}
	vectors, err := tower.Embed(tensor, 1)
	if err != nil {
		return nil, err
	}
	return vectors[0], nil
}
