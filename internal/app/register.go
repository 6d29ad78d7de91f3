package app

import (
	"context"

	"github.com/imgsearch/imgsearch/index/store"
)

// ModelChanged is the notice that the index's model computes different vectors than before, so that the photos are embedded again.
type ModelChanged struct{ Name string }

// ModelReady is the notice that searches use a model from now on, since it has vectors of all pictures.
type ModelReady struct {
	Model    store.Model
	Pictures int
}

// ModelPartly is the notice that searches use Usual until the wanted model has vectors of all pictures.
type ModelPartly struct {
	Model, Usual store.Model
	Pictures     int
}

// ModelUnused is the notice that a run made vectors of another model than searches use.
type ModelUnused struct{ Model, Usual store.Model }

// register adds the model to the index. If the index's current model has changed, because its files did or because this version
// computes it differently, the new one is marked to replace it.
func (r *indexing) register(ctx context.Context) (store.Model, error) {
	all, err := r.ix.Models(ctx)
	if err != nil {
		return store.Model{}, err
	}
	usual := UsualModel(all, true)
	stored, err := r.EnsureModel(ctx, r.ix, r.chosen)
	if err != nil {
		return stored, err
	}
	if r.Model == (ModelChoice{}) && usual.Identity != "" && usual.Identity != r.chosen.Identity {
		r.Notify(ModelChanged{r.chosen.Spec.Model.Name})
		return stored, r.ix.SetRole(ctx, r.chosen.Identity, store.Wanted)
	}
	return stored, nil
}

// settleModel makes the wanted model the default once it has all vectors, and notes if searches use another model.
func (r *indexing) settleModel(ctx context.Context) error {
	all, err := r.ix.Models(ctx)
	if err != nil {
		return err
	}
	usual, ok := all.Of(store.Default)
	if !ok || usual.Identity == r.stored.Identity {
		return nil
	}
	totals, err := r.ix.Totals(ctx)
	if err != nil {
		return err
	}
	used, _ := all.ByIdentity(r.stored.Identity)
	switch {
	case used.Role == store.Wanted && used.Embedded == totals.Pictures:
		r.Notify(ModelReady{used, totals.Pictures})
		return r.ix.SetRole(ctx, used.Identity, store.Default)
	case used.Role == store.Wanted:
		r.Notify(ModelPartly{used, usual, totals.Pictures})
	default:
		r.Notify(ModelUnused{used, usual})
	}
	return nil
}
