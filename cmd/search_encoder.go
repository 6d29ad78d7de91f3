package cmd

import (
	"context"
	"errors"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/store"
)

// encoder gives the engine the towers of one loader.
type encoder struct{ loader *embed.Loader }

func (e encoder) Start(texts, pictures bool) {
	if texts {
		e.loader.StartTextual()
	}
	if pictures {
		e.loader.StartVisual()
	}
}

func (e encoder) Texts(ctx context.Context, texts []string) ([][]float32, error) {
	tower, err := e.loader.Textual(ctx)
	if err != nil {
		return nil, err
	}
	return tower.Embed(texts)
}

var errForeignPicture = errors.New("a picture that this program did not read")

func (e encoder) Picture(ctx context.Context, p query.Given) ([]float32, error) {
	term, ok := p.(*pictureTerm)
	if !ok {
		return nil, errForeignPicture
	}
	f, err := term.file()
	if err != nil {
		return nil, err
	}
	return embedPicture(ctx, e.loader, f)
}

// embedPicture computes a picture's vector as index does.
func embedPicture(ctx context.Context, loader *embed.Loader, p pictureFile) ([]float32, error) {
	tensor, err := p.tensor(loader.Spec())
	if err != nil {
		return nil, err
	}
	tower, err := loader.Visual(ctx)
	if err != nil {
		return nil, err
	}
	vectors, err := tower.Embed(tensor, 1)
	if err != nil {
		return nil, err
	}
	return vectors[0], nil
}

// encoders are those of the one model that was chosen.
func (s *session) encoders(context.Context, store.Model) (query.Encoder, error) {
	if s.loader == nil {
		return nil, query.ErrNoEncoder
	}
	return encoder{s.loader}, nil
}
