package server

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/imgsearch/imgsearch/index/dupes"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/original"
	"github.com/imgsearch/imgsearch/internal/wire"
)

// dupesAnswer is what `dupes --json` prints, with ids and links.
type dupesAnswer struct {
	Schema    int         `json:"schema"`
	Model     string      `json:"model"`
	Precision string      `json:"precision"`
	Threshold float64     `json:"threshold"`
	Groups    []dupeGroup `json:"groups" nullable:"false"`
}

type dupeGroup struct {
	Exact    bool   `json:"exact"`
	Pictures []dupe `json:"pictures" nullable:"false"`
}

type dupe struct {
	wire.Dupe

	ID    string `json:"id"`
	Links links  `json:"links"`
}

func (s *Server) addDupes(api huma.API) {
	op := operation(http.MethodGet, apiPath+"/dupes", "dupes", "Find duplicate and near-duplicate pictures", "The best picture of each group comes first. Nothing is deleted.", http.StatusConflict)
	register(s, api, op, s.limits.dupes, func(ctx context.Context, in *struct {
		Exact     bool    `query:"exact" doc:"Only files that contain the same picture"`
		Threshold float64 `query:"threshold" minimum:"0.8" maximum:"1" default:"0.95" doc:"Minimum similarity of near-duplicates, as a cosine"`
		FilterParams
	},
	) (*jsonAnswer[dupesAnswer], error) {
		if !(in.Threshold >= 0.8 && in.Threshold <= 1) { // not a number passes huma's bounds
			return nil, invalid("threshold", "not a cosine", "use a cosine similarity from 0.8 to 1")
		}
		used, groups, err := s.dupes(ctx, in.FilterParams, in.Exact, in.Threshold)
		if err != nil {
			return nil, err
		}
		a := dupesAnswer{wire.Schema, used.Name, used.Precision, in.Threshold, make([]dupeGroup, len(groups))}
		for i, g := range groups {
			plain := wire.NewGroup(g)
			a.Groups[i] = dupeGroup{plain.Exact, make([]dupe, len(g.Pictures))}
			for k, d := range g.Pictures {
				a.Groups[i].Pictures[k] = dupe{plain.Pictures[k], d.ID.String(), linksOf(d.ID)}
			}
		}
		return &jsonAnswer[dupesAnswer]{a}, nil
	})
}

// dupes finds groups of duplicates with the vectors of the index's model.
func (s *Server) dupes(ctx context.Context, p FilterParams, exact bool, threshold float64) (used store.Model, groups []dupes.Group, err error) {
	ix, engine, done, err := s.Use(ctx)
	if err != nil {
		return used, nil, err
	}
	defer done()
	filter, err := p.In(ctx, engine, option)
	if err != nil {
		return used, nil, err
	}
	if used, err = s.App.VectorsWithoutModel(ctx, ix, app.ModelChoice{}); err != nil {
		return used, nil, err
	}
	groups, err = dupes.Find(ctx, engine, dupes.Options{Filter: filter, Near: !exact, Model: used, Threshold: threshold, Judge: original.Judge{}})
	return used, groups, err
}
