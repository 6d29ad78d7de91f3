package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
)

// loadModels loads the index's model, and those that were asked for.
func (s *Server) loadModels(ctx context.Context) error {
	var ix store.Store
	opened, _, done, err := s.live.Use(ctx)
	switch {
	case err == nil:
		defer done()
		ix = opened
	case !errors.Is(err, store.ErrNoIndex):
		return err
	}
	for i, choice := range append([]app.ModelChoice{s.Indexing.Model}, s.Models...) {
		m, err := s.App.ChooseModel(ctx, ix, choice, false)
		if err != nil {
			return err
		}
		if err := s.resident.Load(ctx, m, i == 0); err != nil {
			return err
		}
	}
	return nil
}

// lookForModel is how often the index is asked whether searches are to use another model.
const lookForModel = 2 * time.Second

// followModel loads the model that becomes the index's default, so that no request has to wait for it. Meanwhile the earlier one answers.
func (s *Server) followModel(ctx context.Context) {
	if s.Indexing.Model != (app.ModelChoice{}) {
		return // the model was chosen
	}
	tried := ""
	tick := time.NewTicker(lookForModel)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-s.closing:
			return
		}
		ix, _, done, err := s.live.Use(ctx)
		if err != nil {
			continue
		}
		tried = s.loadDefault(ctx, ix, tried)
		done()
	}
}

// loadDefault loads the index's default model unless it is loaded, or was tried before.
func (s *Server) loadDefault(ctx context.Context, ix store.Store, tried string) string {
	all, err := ix.Models(ctx)
	if err != nil {
		return tried
	}
	usual, ok := all.Of(store.Default)
	if !ok || usual.Identity == tried || s.resident.IsLoaded(usual.Identity) {
		return tried
	}
	m, err := s.App.ChooseModel(ctx, ix, app.ModelChoice{}, false)
	if err == nil {
		err = s.resident.Load(ctx, m, true)
	}
	if err != nil {
		s.Log.Warn(fmt.Sprintf("searches continue with the earlier model: %v", err))
		return usual.Identity
	}
	s.App.Logf("searches use model %s", m.Spec.Model.Name)
	return ""
}

// vectorsOf returns the identity of the vectors in an index that a request is answered with. name is a loaded model; "" is the index's.
func (s *Server) vectorsOf(ctx context.Context, ix store.Store, name string) (string, error) {
	totals, err := ix.Totals(ctx) // before the models: a commit between the two adds both
	if err != nil {
		return "", err
	}
	all, err := ix.Models(ctx)
	if err != nil {
		return "", err
	}
	var candidates []app.Model
	if name == "" {
		if s.Indexing.Model == (app.ModelChoice{}) {
			if usual, ok := all.Of(store.Default); ok && s.resident.IsLoaded(usual.Identity) {
				return usual.Identity, nil
			}
		}
		candidates = []app.Model{s.resident.First()}
	} else if candidates = s.resident.ByName(name); len(candidates) == 0 {
		return "", invalid("model", fmt.Sprintf("%q is not loaded", name), "start the server with this model, or omit model to use the index's")
	}
	for _, m := range candidates {
		for _, identity := range slices.Concat([]string{m.Identity}, m.Spec.EarlierIdentities(m.Precision)) {
			if known, ok := all.ByIdentity(identity); ok && (known.Embedded > 0 || totals.Pictures == 0) {
				return identity, nil
			}
		}
	}
	if name != "" {
		return "", invalid("model", fmt.Sprintf("the index has no vectors of model %q", name), "omit model to use the index's")
	}
	return "", fmt.Errorf("search: %w", query.ErrNoModel)
}

// remembered is an answer whose texts were asked for the first time.
type remembered struct {
	engine *query.Engine
	answer *query.Response
	done   func()
}

// rememberAhead is how many answers may wait until their texts are stored; more are not stored.
const rememberAhead = 256

// rememberLater stores the vectors of an answer's texts after the answer was sent. It takes over done.
func (s *Server) rememberLater(engine *query.Engine, done func(), a *query.Response) {
	if s.ReadOnly || s.isClosing() || !a.Asked() {
		done()
		return
	}
	select {
	case s.remember <- remembered{engine, a, done}:
	default:
		done()
	}
}

// rememberEvery is how often texts are stored. Each time, the index counts as changed, and what was kept of it is read again.
const rememberEvery = 2 * time.Second

// rememberQueries stores what rememberLater was given, until the server ends.
func (s *Server) rememberQueries() {
	var waiting []remembered
	tick := time.NewTicker(rememberEvery)
	defer tick.Stop()
	for {
		select {
		case r := <-s.remember:
			waiting = append(waiting, r)
			if len(waiting) < rememberAhead {
				continue
			}
		case <-tick.C:
		case <-s.closing:
			for {
				select {
				case r := <-s.remember:
					waiting = append(waiting, r)
					continue
				default:
				}
				s.storeTexts(waiting)
				return
			}
		}
		s.storeTexts(waiting)
		waiting = waiting[:0]
	}
}

// storeTexts stores the texts of answers, those of one index together.
func (s *Server) storeTexts(list []remembered) {
	for len(list) > 0 {
		engine := list[0].engine
		var answers []*query.Response
		var others []remembered
		for _, r := range list {
			if r.engine == engine {
				answers = append(answers, r.answer)
			} else {
				others = append(others, r)
			}
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		if err := engine.Remember(ctx, answers...); err != nil {
			s.App.Logf("could not cache the vectors of queries: %v", err)
		}
		cancel()
		for _, r := range list {
			if r.engine == engine {
				r.done()
			}
		}
		list = others
	}
}
