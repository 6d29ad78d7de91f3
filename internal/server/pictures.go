package server

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/ask"
	"github.com/imgsearch/imgsearch/internal/wire"
)

// pictureAnswer is what `show --json` prints, with links.
type pictureAnswer struct {
	wire.Picture

	Links links `json:"links"`
}

func (s *Server) addPictures(api huma.API) {
	one := operation(http.MethodGet, picturesPath+"/{id}", "picture", "Everything that is known about a picture", "", http.StatusNotFound)
	register(s, api, one, s.limits.lookups, s.picture)
	similar := operation(http.MethodGet, picturesPath+"/{id}/similar", "similar", "Find photos that look like a picture", "The picture itself is not among them.", http.StatusNotFound, http.StatusConflict)
	register(s, api, similar, s.limits.searches, s.similar)
	s.addFiles(api)
}

// parseID returns the id of a picture by its beginning. Of an id in full, it does not check that the index has the picture.
func parseID(ctx context.Context, ix store.Store, prefix string) (store.PictureID, error) {
	if low, high, err := store.ParsePrefix(strings.ToLower(prefix)); err == nil && low == high {
		return low, nil
	}
	return find(ctx, ix, prefix)
}

// find returns the id of a picture by its beginning.
func find(ctx context.Context, ix store.Store, prefix string) (store.PictureID, error) {
	return ask.FindID(ctx, ix, strings.ToLower(prefix))
}

func (s *Server) picture(ctx context.Context, in *IDParam) (*jsonAnswer[pictureAnswer], error) {
	ix, engine, done, err := s.Use(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	id, err := find(ctx, ix, in.ID)
	if err != nil {
		return nil, err
	}
	p, err := engine.Picture(ctx, id)
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, fmt.Errorf("%w %s", ask.ErrNoPicture, in.ID)
	}
	j := wire.NewPicture(p)
	j.Indexed = true
	return &jsonAnswer[pictureAnswer]{pictureAnswer{j, linksOf(id)}}, nil
}

func (s *Server) similar(ctx context.Context, in *struct {
	IDParam
	Top      int    `query:"top" minimum:"1" maximum:"10000" default:"10" doc:"Find at most so many pictures"`
	Offset   int    `query:"offset" minimum:"0" maximum:"1000000000" doc:"Skip the first hits"`
	MinScore number `query:"min-score" minimum:"-1" maximum:"1" doc:"Omit hits that score less than this cosine, -1 to 1"`
	Model    string `query:"model" doc:"A model that the server has loaded and that has vectors here (default: the index's)"`
	FilterParams
},
) (*jsonAnswer[searchAnswer], error) {
	ix, _, done, err := s.Use(ctx)
	if err != nil {
		return nil, err
	}
	id, err := find(ctx, ix, in.ID)
	done()
	if err != nil {
		return nil, err
	}
	asked := searchBody{FilterParams: in.FilterParams}
	asked.Like, asked.Top, asked.Offset, asked.MinScore, asked.Model = []string{id.String()}, in.Top, in.Offset, in.MinScore, in.Model
	return s.search(ctx, asked, nil)
}
