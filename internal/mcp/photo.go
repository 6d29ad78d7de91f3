package mcp

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/ask"
	"github.com/imgsearch/imgsearch/internal/caught"
	"github.com/imgsearch/imgsearch/internal/wire"
)

// uriScheme is the start of the URIs of photos, before the id.
const uriScheme = "photo://"

func uriOf(id store.PictureID) string { return uriScheme + id.String() }

type photoInput struct {
	ID   string `json:"id" doc:"The id of a photo, as search_photos gives it, or its first eight or more digits"`
	Size int    `json:"size,omitempty" doc:"The longer side of the picture, in pixels, at most"`
}

func (s *Server) addPhoto() {
	addTool(s, "get_photo", "Look at a photo", "One photo: a picture to look at, and everything that is known about it: files, date, place, people, keywords, text in the photo.",
		inputSchema[photoInput](func(p map[string]*jsonschema.Schema) { between(p["size"], leastPhoto, maxPhoto, maxPhoto) }), nil, s.photo)
	s.sdk.AddResourceTemplate(&mcp.ResourceTemplate{
		Name: "photo", Title: "Photo", URITemplate: uriScheme + "{id}", MIMEType: "image/jpeg", Description: "A photo by its id, as a JPEG of at most 1024 pixels",
	}, s.read)
}

// photo handles get_photo. If no file can be read, it returns the metadata alone.
func (s *Server) photo(ctx context.Context, in photoInput) (content []mcp.Content, answer any, err error) {
	known, err := s.known(ctx, in.ID)
	if err != nil {
		return nil, nil, err
	}
	about := wire.NewPicture(known)
	about.Indexed = true
	jpeg, err := s.picture(ctx, known.ID, in.Size)
	switch {
	case err == nil:
		content = append(content, &mcp.ImageContent{MIMEType: "image/jpeg", Data: jpeg})
	case ctx.Err() != nil:
		return nil, nil, err
	default:
		content = append(content, &mcp.TextContent{Text: "no picture: " + s.explained(err).Error()})
	}
	return content, about, nil
}

// known returns what is known about a photo.
func (s *Server) known(ctx context.Context, prefix string) (*query.Picture, error) {
	ix, engine, done, err := s.library.Use(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	id, err := ask.FindID(ctx, ix, strings.ToLower(prefix))
	if err != nil {
		return nil, err
	}
	known, err := engine.Picture(ctx, id)
	if err == nil && known == nil {
		err = fmt.Errorf("%w %s", ask.ErrNoPicture, prefix)
	}
	return known, err
}

// picture returns a photo as a JPEG that fits into a result.
func (s *Server) picture(ctx context.Context, id store.PictureID, side int) ([]byte, error) {
	for {
		jpeg, err := s.library.JPEG(ctx, id, side)
		if err != nil || len(jpeg) <= maxPictures || side <= leastPhoto {
			return jpeg, err
		}
		side = side * 3 / 4
	}
}

// read answers a request for a resource.
func (s *Server) read(ctx context.Context, r *mcp.ReadResourceRequest) (_ *mcp.ReadResourceResult, err error) {
	defer caught.Error(&err)
	known, err := s.known(ctx, strings.TrimPrefix(r.Params.URI, uriScheme))
	switch {
	case errors.Is(err, ask.ErrNoPicture), errors.Is(err, ask.ErrSeveral), errors.Is(err, store.ErrPrefix):
		return nil, mcp.ResourceNotFoundError(r.Params.URI)
	case err != nil:
		return nil, s.explained(err)
	}
	jpeg, err := s.picture(ctx, known.ID, maxPhoto)
	if err != nil {
		return nil, s.explained(err)
	}
	return &mcp.ReadResourceResult{Contents: []*mcp.ResourceContents{{URI: r.Params.URI, MIMEType: "image/jpeg", Blob: jpeg}}}, nil
}
