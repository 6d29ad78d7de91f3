package app

import (
	"context"
	"fmt"

	"github.com/imgsearch/imgsearch/index/store"
)

// NoVectorsError is an index that has no vectors of a model. Asked is how the user chose that model.
type NoVectorsError struct {
	Model store.Model
	Asked ModelChoice
}

func (e *NoVectorsError) Error() string {
	return fmt.Sprintf("the index has no vectors of model %s", e.Model.Title())
}

// VectorsOf finds the model in the index whose vectors can be used for a model. If the index has no pictures, the model needs no vectors:
// searches find nothing. If there are pictures but no vectors, the error is a *NoVectorsError.
func (a *App) VectorsOf(ctx context.Context, ix store.Store, m Model, asked ModelChoice) (store.Model, error) {
	all, err := ix.Models(ctx)
	if err != nil {
		return store.Model{}, err
	}
	totals, err := ix.Totals(ctx)
	if err != nil {
		return store.Model{}, err
	}
	if stored, ok := all.ByIdentity(m.Identity); ok && (stored.Embedded > 0 || totals.Pictures == 0) {
		return stored, nil
	}
	for _, identity := range m.Spec.EarlierIdentities(m.Precision) {
		if earlier, ok := all.ByIdentity(identity); ok && earlier.Embedded > 0 {
			a.Notify(EarlierVectors{})
			return earlier, nil
		}
	}
	return store.Model{}, &NoVectorsError{m.Stored(), asked}
}

// VectorsWithoutModel finds the model whose vectors to use: the requested one, or the index's. It does not load the model, and the index's
// model need not be installed.
func (a *App) VectorsWithoutModel(ctx context.Context, ix store.Store, asked ModelChoice) (store.Model, error) {
	if asked == (ModelChoice{}) {
		all, err := ix.Models(ctx)
		if err != nil {
			return store.Model{}, err
		}
		if used, ok := all.Of(store.Default); ok {
			return used, nil
		}
	}
	m, err := a.ChooseModel(ctx, ix, asked, false)
	if err != nil {
		return store.Model{}, err
	}
	return a.VectorsOf(ctx, ix, m, asked)
}
