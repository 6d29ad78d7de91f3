package index

import (
	"context"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
)

// register adds the model to the index. If the index's current model has changed, because its files did or because this version
// computes it differently, the new one is marked to replace it.
func (r *indexing) register(ctx context.Context, ix store.Store, m app.Model) (store.Model, error) {
	all, err := ix.Models(ctx)
	if err != nil {
		return store.Model{}, err
	}
	usual := app.UsualModel(all, true)
	stored, err := r.p.App.EnsureModel(ctx, ix, m)
	if err != nil {
		return stored, err
	}
	if r.model == (app.ModelChoice{}) && usual.Identity != "" && usual.Identity != m.Identity {
		r.p.Warnf("model %s now computes different vectors, because its files, its precision or imgsearch itself has changed; embedding the photos again", m.Spec.Model.Name)
		return stored, ix.SetRole(ctx, m.Identity, store.Wanted)
	}
	return stored, nil
}

// settleModel makes the wanted model the default once it has all vectors, and notes if searches use another model.
func (r *indexing) settleModel(ctx context.Context, ix store.Store, used store.Model) error {
	all, err := ix.Models(ctx)
	if err != nil {
		return err
	}
	usual, ok := all.Of(store.Default)
	if !ok || usual.Identity == used.Identity {
		return nil
	}
	totals, err := ix.Totals(ctx)
	if err != nil {
		return err
	}
	used, _ = all.ByIdentity(used.Identity)
	switch {
	case used.Role == store.Wanted && used.Embedded == totals.Pictures:
		r.p.Notef("model %s has vectors of all %d pictures; searches now use it", used.Title(), totals.Pictures)
		return ix.SetRole(ctx, used.Identity, store.Default)
	case used.Role == store.Wanted:
		r.p.Notef("model %s has vectors of %d of %d pictures; searches use %s until it has all", used.Title(), used.Embedded, totals.Pictures, usual.Title())
	default:
		r.p.Notef("searches still use model %s; to change that, run `imgsearch models use %s`", usual.Title(), useArgs(used))
	}
	return nil
}

// useArgs returns the arguments of `models use` for a model.
func useArgs(m store.Model) string {
	if m.Precision == string(embed.FP32) {
		return m.Ref
	}
	return m.Ref + " --precision " + m.Precision
}
