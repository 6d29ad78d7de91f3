package mcp

import (
	"context"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/ask"
	"github.com/imgsearch/imgsearch/internal/wire"
)

const (
	defaultValues = 50
	maxValues     = 1000
)

type facetsInput struct {
	By  string `json:"by" doc:"The property"`
	Top int    `json:"top,omitempty" doc:"How many values to list"`
	ask.FilterParams
}

func (s *Server) addOverview() {
	addTool(s, "list_facets", "List values", "Count the photos by a property: the values that filters take, such as the names of people and places.",
		inputSchema[facetsInput](func(p map[string]*jsonschema.Schema) {
			between(p["top"], 1, maxValues, defaultValues)
			for _, f := range store.Facets {
				oneOf(p["by"], string(f))
			}
		}), nil, s.facets)
	addTool(s, "index_status", "Show the index", "What is indexed: the number of photos, the folders, the models, and how complete it is.", inputSchema[struct{}](nil), nil,
		func(ctx context.Context, _ struct{}) ([]mcp.Content, any, error) {
			state, err := s.library.State(ctx)
			return nil, state, err
		})
}

func (s *Server) facets(ctx context.Context, in facetsInput) ([]mcp.Content, any, error) {
	_, engine, done, err := s.library.Use(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer done()
	filter, err := in.In(ctx, engine, option)
	if err != nil {
		return nil, nil, err
	}
	by := store.Facet(in.By)
	counts, err := engine.Facets(ctx, filter, by)
	if err != nil {
		return nil, nil, err
	}
	total := len(counts)
	answer := wire.NewFacet(by, counts[:min(in.Top, total)])
	return nil, struct {
		wire.Facet

		// Total is the number of values, of which only the first are listed.
		Total int `json:"total"`
	}{answer, total}, nil
}
