// Package mcp offers searches to agents, by the Model Context Protocol: tools that only read, and photos as resources. Photos are named by their ids. The package
// must not know how it is reached, and the tools have no logic of their own about searching.
package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/query/parse"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/ask"
	"github.com/imgsearch/imgsearch/internal/caught"
	"github.com/imgsearch/imgsearch/internal/english"
	"github.com/imgsearch/imgsearch/internal/words"
)

// Library is what the tools need: an index with its engine, and a model in memory.
type Library interface {
	// Use returns the index and its engine, until done is called.
	Use(ctx context.Context) (ix store.Store, engine *query.Engine, done func(), err error)
	// Find answers the request that build makes for the index.
	Find(ctx context.Context, build func(ctx context.Context, ix store.Store, engine *query.Engine) (query.Request, error)) (*query.Response, error)
	// JPEG returns a picture whose longer side has at most side pixels.
	JPEG(ctx context.Context, id store.PictureID, side int) ([]byte, error)
	// IndexPath returns the path of the index.
	IndexPath() (string, error)
	// State returns the state of the index, in the machine format.
	State(ctx context.Context) (any, error)
}

// Limits of what one result has. Some clients refuse results of more than 1 MiB, of which pictures take 4/3 of their size.
const (
	maxThumbnail = 256
	maxPhoto     = 1024
	leastPhoto   = 64
	// maxPictures is the size of all pictures of a result, in bytes.
	maxPictures = 700_000
)

// Server offers the tools.
type Server struct {
	library Library
	door    words.Door
	sdk     *mcp.Server
}

// New returns a server. version is the program's; door names the actions in hints.
func New(library Library, version string, door words.Door) *Server {
	s := &Server{library, door, mcp.NewServer(&mcp.Implementation{Name: "imgsearch", Title: "Photo search", Version: version}, &mcp.ServerOptions{
		Instructions: "Finds the user's own photos by what they show, and by date, place, people, camera and other metadata. " +
			"search_photos answers with ids, which the other tools take. A photo's score is a cosine; the verdict says whether anything fits.",
		Capabilities: &mcp.ServerCapabilities{},
		SetCacheable: func(_ context.Context, _ mcp.Request, c *mcp.Cacheable) { c.CacheScope = "private" }, // photos are one person's
	})}
	s.addSearch()
	s.addPhoto()
	s.addOverview()
	return s
}

// Run answers one client over a transport, until it leaves or ctx ends.
func (s *Server) Run(ctx context.Context, t mcp.Transport) error { return s.sdk.Run(ctx, t) }

// Handler answers clients over HTTP, each request by itself. Who may ask is decided before.
func (s *Server) Handler() http.Handler {
	return mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return s.sdk },
		&mcp.StreamableHTTPOptions{Stateless: true, JSONResponse: true, DisableLocalhostProtection: true, PropagateRequestCancellation: true})
}

// addTool adds a tool that only reads. Its answer is sent as structured content and, unless call returns other content, as text. Errors are results too, which
// agents can read.
func addTool[In any](s *Server, name, title, description string, in, out *jsonschema.Schema, call func(ctx context.Context, in In) (content []mcp.Content, answer any, err error)) {
	isOpen := false
	tool := &mcp.Tool{
		Name: name, Title: title, Description: description, InputSchema: in,
		Annotations: &mcp.ToolAnnotations{Title: title, ReadOnlyHint: true, IdempotentHint: true, OpenWorldHint: &isOpen},
	}
	if out != nil {
		tool.OutputSchema = out
	}
	s.sdk.AddTool(tool, func(ctx context.Context, r *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		result := &mcp.CallToolResult{}
		asked, err := decode[In](in, r.Params.Arguments)
		var answer any
		if err == nil {
			result.Content, answer, err = guarded(ctx, asked, call)
		}
		var text []byte
		if err == nil {
			text, err = json.Marshal(answer)
		}
		if err != nil {
			result = &mcp.CallToolResult{}
			result.SetError(s.explained(err))
			return result, nil
		}
		result.StructuredContent = json.RawMessage(text)
		result.Content = append([]mcp.Content{&mcp.TextContent{Text: string(text)}}, result.Content...)
		return result, nil
	})
}

// guarded calls a tool. A fault in it must not end the conversations of others.
func guarded[In any](ctx context.Context, in In, call func(context.Context, In) ([]mcp.Content, any, error)) (content []mcp.Content, answer any, err error) {
	defer caught.Error(&err)
	return call(ctx, in)
}

// explainer is an error that has its own words.
type explainer interface {
	error
	Words() (sentence, hint string)
}

// explained returns an error in words for an agent: what happened, and what to do.
func (s *Server) explained(err error) error {
	var sentence, hint string
	bad, isValue := errors.AsType[*ask.Error](err)
	own, isExplained := errors.AsType[explainer](err)
	switch {
	case isValue:
		sentence, hint = bad.Error(), bad.Hint
		if errors.Is(err, parse.ErrUnknownPlace) {
			hint += "; list_facets with by: \"place\" lists the places of the photos, and near finds smaller ones"
		}
	case errors.Is(err, store.ErrPrefix):
		sentence, hint = "not an id of a photo", "an id has at least eight hexadecimal digits; search_photos answers with ids"
	case errors.Is(err, ask.ErrNoPicture):
		sentence, hint = err.Error(), "search_photos answers with ids"
	case errors.Is(err, ask.ErrSeveral):
		sentence, hint = err.Error(), "use more digits of the id"
	case errors.Is(err, query.ErrOffset):
		sentence, hint = "with a query and another order than score, the best hits are chosen before sorting", "raise top, or omit sort to get pages by score"
	case isExplained:
		sentence, hint = own.Words()
	default:
		w := words.Error(err, s.door)
		sentence, hint = w.Sentence, w.Hint
	}
	if sentence = english.OneLine(sentence); hint != "" {
		sentence += "\nhint: " + hint
	}
	return errors.New(sentence)
}
