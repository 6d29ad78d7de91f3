package query

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/imgsearch/imgsearch/index/store"
)

// Vector is a vector with its picture.
type Vector struct {
	Hit
	store.Moment
	// Data holds half-precision numbers, little-endian, L2-normalised.
	Data []byte
}

// vectorsAtOnce is the number of vectors whose pictures are looked up together.
const vectorsAtOnce = 500

// errEnough stops reading vectors when the consumer stops.
var errEnough = errors.New("enough")

// Vectors yields a model's vectors of the pictures that match a filter, in the order in which they were added; "" is the default model.
func (e *Engine) Vectors(ctx context.Context, f store.Filter, model string) iter.Seq2[Vector, error] {
	return func(yield func(Vector, error) bool) {
		look, err := e.lookup(ctx, f)
		if err != nil {
			yield(Vector{}, err)
			return
		}
		var waiting []store.Vector
		flush := func() error {
			more, err := look.yield(ctx, waiting, yield)
			waiting = waiting[:0]
			if err == nil && !more {
				err = errEnough
			}
			return err
		}
		err = e.EachVector(ctx, model, f, func(v store.Vector) error {
			v.Data = slices.Clone(v.Data)
			if waiting = append(waiting, v); len(waiting) < vectorsAtOnce {
				return nil
			}
			return flush()
		})
		if err == nil {
			err = flush()
		}
		if err != nil && !errors.Is(err, errEnough) {
			yield(Vector{}, err)
		}
	}
}

// yield looks up the pictures of vectors and yields them together.
func (l *lookup) yield(ctx context.Context, list []store.Vector, yield func(Vector, error) bool) (more bool, err error) {
	ids := make([]store.PictureID, len(list))
	for i, v := range list {
		ids[i] = v.Picture
	}
	hits, err := l.hits(ctx, ids)
	if err != nil {
		return false, err
	}
	byID := make(map[store.PictureID]Hit, len(hits))
	for _, h := range hits {
		byID[h.ID] = h
	}
	for _, v := range list {
		if h, ok := byID[v.Picture]; ok && !yield(Vector{h, v.Moment, v.Data}, nil) {
			return false, nil
		}
	}
	return true, nil
}

// EachVector calls each with a model's vectors of the pictures that match a filter; "" is the default model.
// It does not look up the pictures.
func (e *Engine) EachVector(ctx context.Context, model string, f store.Filter, each func(store.Vector) error) error {
	if model == "" {
		all, err := e.store.Models(ctx)
		if err != nil {
			return err
		}
		m, ok := all.Of(store.Default)
		if !ok {
			return ErrNoModel
		}
		model = m.Identity
	}
	return e.store.EachVector(ctx, model, f, each)
}

// Copied returns the pictures that match a filter and are stored in more than one file, not counting twins.
func (e *Engine) Copied(ctx context.Context, f store.Filter) ([]store.PictureID, error) {
	return e.store.Copied(ctx, f)
}
