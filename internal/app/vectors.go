package app

import (
	"context"
	"fmt"

	"github.com/imgsearch/imgsearch/index/store"
)

// NoVectorsError is an index without a vector of a model. Asked is how that model was chosen.
type NoVectorsError struct {
	Model store.Model
	Asked ModelChoice
}

func (e *NoVectorsError) Error() string {
	return fmt.Sprintf("the index has no vectors of model %s", e.Model.Title())
}

// VectorsOf finds the model in the index whose vectors answer for a model. An index that nothing was embedded into answers with no
// hits; else the error is a *NoVectorsError.
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

// VectorsWithoutModel finds the model whose vectors are looked at: the index's, or the one that is asked for. None is loaded, and
// the index's need not be installed any more.
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
