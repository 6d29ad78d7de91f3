package cmd

import (
	"context"
	"fmt"

	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/store"
)

// vectorsOf finds the model in the index whose vectors answer for a model. An index that nothing was embedded into answers with no hits.
func (a *App) vectorsOf(ctx context.Context, ix store.Store, m model, asked askedModel) (store.Model, error) {
	all, err := ix.Models(ctx)
	if err != nil {
		return store.Model{}, err
	}
	totals, err := ix.Totals(ctx)
	if err != nil {
		return store.Model{}, err
	}
	if stored, ok := all.ByIdentity(m.identity); ok && (stored.Embedded > 0 || totals.Pictures == 0) {
		return stored, nil
	}
	for _, identity := range m.spec.EarlierIdentities(m.precision) {
		if earlier, ok := all.ByIdentity(identity); ok && earlier.Embedded > 0 {
			a.notef("vectors that an earlier version of imgsearch made answer; `imgsearch index` makes new ones")
			return earlier, nil
		}
	}
	return store.Model{}, &codedError{
		code: exitNoVectors, err: fmt.Errorf("the index has no vectors of model %s", modelTitle(m.stored())),
		hint: fmt.Sprintf("make them with `imgsearch index%s`", asked.flags()),
	}
}

// vectorsWithoutModel finds the model whose vectors are looked at: the index's, or the one that is asked for. None is loaded, and
// the index's need not be installed any more.
func (a *App) vectorsWithoutModel(ctx context.Context, ix store.Store, asked askedModel) (store.Model, error) {
	if asked == (askedModel{}) {
		all, err := ix.Models(ctx)
		if err != nil {
			return store.Model{}, err
		}
		if used, ok := all.Of(store.Default); ok {
			return used, nil
		}
	}
	m, err := a.chooseModel(ctx, ix, asked, false)
	if err != nil {
		return store.Model{}, err
	}
	return a.vectorsOf(ctx, ix, m, asked)
}

// tell says what an answer comes with.
func (a *App) tell(notices []query.Notice) {
	for _, n := range notices {
		switch n := n.(type) {
		case query.PartlyEmbedded:
			a.notef("model %s has the vectors of %d of %d pictures only: `imgsearch index --model %s` makes the rest", modelTitle(n.Model), n.Model.Embedded, n.Pictures, useArgs(n.Model))
		case query.WantedModel:
			a.notef("model %s answers (%d of %d pictures); %s has %d of %d: `imgsearch index` goes on", modelTitle(n.Model), n.Model.Embedded, n.Pictures,
				modelTitle(n.Wanted), n.Wanted.Embedded, n.Pictures)
		}
	}
}
