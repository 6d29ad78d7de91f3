package cmd

import (
	"context"
	"fmt"

	"github.com/imgsearch/imgsearch/index/sqlite"
)

// vectorsOf finds the model in the index, and how many pictures of all have its vectors. An index that nothing was
// embedded into answers with no hits.
func (a *App) vectorsOf(ctx context.Context, store *sqlite.Store, m model, asked askedModel) (stored sqlite.Model, have, all int, err error) {
	stored, ok, err := store.ModelByIdentity(ctx, m.identity)
	if err != nil {
		return stored, 0, 0, err
	}
	if ok {
		if have, all, err = store.Coverage(ctx, stored.ID); err != nil || have > 0 || all == 0 {
			return stored, have, all, err
		}
	}
	for _, identity := range m.spec.EarlierIdentities(m.precision) {
		earlier, ok, err := store.ModelByIdentity(ctx, identity)
		if err != nil {
			return stored, 0, 0, err
		}
		if !ok {
			continue
		}
		if have, all, err = store.Coverage(ctx, earlier.ID); err != nil || have > 0 {
			a.notef("vectors that an earlier version of imgsearch made answer; `imgsearch index` makes new ones")
			return earlier, have, all, err
		}
	}
	return stored, have, all, &codedError{
		code: exitNoVectors, err: fmt.Errorf("the index has no vectors of model %s", modelTitle(m.stored())),
		hint: fmt.Sprintf("make them with `imgsearch index%s`", asked.flags()),
	}
}

// vectorsWithoutModel finds the model whose vectors are looked at: the index's, or the one that is asked for. None is loaded, and
// the index's need not be installed any more.
func (a *App) vectorsWithoutModel(ctx context.Context, store *sqlite.Store, asked askedModel) (sqlite.Model, error) {
	if asked == (askedModel{}) {
		used, ok, err := store.DefaultModel(ctx)
		if err != nil || ok {
			return used, err
		}
	}
	m, err := a.chooseModel(ctx, store, asked, false)
	if err != nil {
		return sqlite.Model{}, err
	}
	used, _, _, err := a.vectorsOf(ctx, store, m, asked)
	return used, err
}

// tellCoverage says that another model is to answer, once it has all vectors.
func (a *App) tellCoverage(ctx context.Context, store *sqlite.Store, used sqlite.Model, mine, all int) error {
	wanted, ok, err := store.WantedModel(ctx)
	if err != nil {
		return err
	}
	if !ok || wanted.Identity == used.Identity {
		if mine < all {
			a.notef("model %s has the vectors of %d of %d pictures only: `imgsearch index --model %s` makes the rest", modelTitle(used), mine, all, useArgs(used))
		}
		return nil
	}
	have, _, err := store.Coverage(ctx, wanted.ID)
	if err != nil {
		return err
	}
	a.notef("model %s answers (%d of %d pictures); %s has %d of %d: `imgsearch index` goes on", modelTitle(used), mine, all, modelTitle(wanted), have, all)
	return nil
}
