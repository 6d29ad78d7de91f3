package server

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/wire"
)

// timeline is the number of pictures of each month, the newest first.
type timeline struct {
	Schema int     `json:"schema"`
	Months []month `json:"months" nullable:"false"`
	// Undated is the number of pictures without a date.
	Undated  int `json:"undated"`
	Pictures int `json:"pictures"`
}

type month struct {
	Month    string `json:"month" doc:"Such as 2023-07"`
	Pictures int    `json:"pictures"`
}

func (s *Server) addFacets(api huma.API) {
	facets := operation(http.MethodGet, apiPath+"/facets", "facets", "Count photos by a property", "A photo counts once for each of its values.")
	register(s, api, facets, s.limits.lookups, func(ctx context.Context, in *struct {
		By  string `query:"by" required:"true" enum:"camera,lens,keyword,year,month,folder,type,rating,person,place,label" doc:"The property"`
		Top int    `query:"top" minimum:"0" maximum:"1000000" doc:"Only so many values (0: all)"`
		FilterParams
	},
	) (*jsonAnswer[wire.Facet], error) {
		f, err := s.facet(ctx, store.Facet(in.By), in.FilterParams)
		if err == nil && in.Top > 0 && len(f.Values) > in.Top {
			f.Values = f.Values[:in.Top]
		}
		return &jsonAnswer[wire.Facet]{f}, err
	})
	times := operation(http.MethodGet, apiPath+"/timeline", "timeline", "Count photos by month", "")
	register(s, api, times, s.limits.lookups, func(ctx context.Context, in *struct{ FilterParams }) (*jsonAnswer[timeline], error) {
		f, err := s.facet(ctx, store.FacetMonth, in.FilterParams)
		if err != nil {
			return nil, err
		}
		t := timeline{Schema: wire.Schema, Months: []month{}}
		for _, v := range f.Values {
			t.Pictures += v.Pictures
			if v.Value == nil {
				t.Undated += v.Pictures
				continue
			}
			t.Months = append(t.Months, month{*v.Value, v.Pictures})
		}
		return &jsonAnswer[timeline]{t}, nil
	})
}

// facet counts the pictures that match filters.
func (s *Server) facet(ctx context.Context, by store.Facet, p FilterParams) (f wire.Facet, err error) {
	_, engine, done, err := s.Use(ctx)
	if err != nil {
		return f, err
	}
	defer done()
	filter, err := p.In(ctx, engine, option)
	if err != nil {
		return f, err
	}
	counts, err := engine.Facets(ctx, filter, by)
	if err != nil {
		return f, err
	}
	return wire.NewFacet(by, counts), nil
}
