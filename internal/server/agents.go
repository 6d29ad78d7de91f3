package server

import (
	"context"
	"net/http"

	"github.com/imgsearch/imgsearch/embed/thumbnail"
	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/mcp"
)

const mcpPath = "/mcp"

// Agents returns the tools for agents over the index.
func (s *Server) Agents() *mcp.Server { return mcp.New(s, s.Version, s.Door) }

// addAgents serves the tools. Their transport reads the body, which the guard has limited.
func (s *Server) addAgents(mux *http.ServeMux) { mux.Handle(mcpPath, s.Agents().Handler()) }

// Find answers the request that build makes for the index.
func (s *Server) Find(ctx context.Context, build func(context.Context, store.Store, *query.Engine) (query.Request, error)) (*query.Response, error) {
	leave, p := s.limits.searches.enter(ctx)
	if p != nil {
		return nil, p
	}
	defer leave()
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	return s.answer(ctx, false, func(ctx context.Context, ix store.Store, engine *query.Engine) (query.Request, error) {
		r, err := build(ctx, ix, engine)
		if err == nil && len(r.Terms) > 0 {
			r.Model, err = s.vectorsOf(ctx, ix, "")
		}
		r.Language = s.Language
		return r, err
	})
}

// JPEG returns a picture whose longer side has at most side pixels: from the index's preview if that is as good as the file or the file cannot be read, else from the file.
func (s *Server) JPEG(ctx context.Context, id store.PictureID, side int) ([]byte, error) {
	ix, _, done, err := s.Use(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	p, err := s.lookUp(ctx, ix, id.String(), true)
	if err != nil {
		return nil, err
	}
	return s.limited(ctx, func() ([]byte, error) {
		if p.preview != nil && side <= thumbnail.Side {
			return fromPreview(p.preview, side)
		}
		jpeg, err := s.shrink(ctx, ix, id, thumbnail.Box{Width: side, Height: side})
		if err != nil && p.preview != nil {
			return fromPreview(p.preview, side)
		}
		return jpeg, err
	})
}

// IndexPath returns the path of the index.
func (s *Server) IndexPath() (string, error) { return s.App.IndexPath() }

// State returns what `status --json` prints, with the state of the server.
func (s *Server) State(ctx context.Context) (any, error) { return s.status(ctx, false) }
