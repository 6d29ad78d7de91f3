package mcp

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"golang.org/x/sync/errgroup"

	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/ask"
	"github.com/imgsearch/imgsearch/internal/wire"
	"github.com/imgsearch/imgsearch/internal/words"
)

const (
	defaultTop = 10
	maxTop     = 50
	maxOffset  = 1_000_000
	// maxQuery is the length of the longest query, in bytes.
	maxQuery = 2000
)

// searchInput is what search_photos is asked.
type searchInput struct {
	Query      string `json:"query,omitempty" doc:"What the photos show, in a few words, such as: dog on beach. Without a query, the photos that match the filters are listed, newest first"`
	Top        int    `json:"top,omitempty" doc:"How many photos to find"`
	Offset     int    `json:"offset,omitempty" doc:"Skip the first hits, to get the next page"`
	Sort       string `json:"sort,omitempty" doc:"Order of the hits: score for a query, date (newest first) without one, or path"`
	Confident  bool   `json:"confident,omitempty" doc:"Only photos that are likely to match the query"`
	Thumbnails bool   `json:"thumbnails,omitempty" doc:"Also send a small picture of each photo, of at most 256 pixels"`
	ask.FilterParams
}

// similarInput is what find_similar is asked.
type similarInput struct {
	ID         string `json:"id" doc:"The id of a photo, as search_photos gives it, or its first eight or more digits"`
	Top        int    `json:"top,omitempty" doc:"How many photos to find"`
	Offset     int    `json:"offset,omitempty" doc:"Skip the first hits, to get the next page"`
	Thumbnails bool   `json:"thumbnails,omitempty" doc:"Also send a small picture of each photo, of at most 256 pixels"`
	ask.FilterParams
}

// found is the answer of both.
type found struct {
	Photos []photo `json:"photos"`
	// Searched is the number of photos that were searched, or that match the filters.
	Searched int    `json:"searched"`
	Verdict  string `json:"verdict,omitempty" jsonschema:"found, uncertain or nothing; absent if the model is not calibrated"`
	// Message is the verdict, or why there is nothing, in words.
	Message string   `json:"message,omitempty"`
	Notices []string `json:"notices,omitempty"`
}

// photo is a photo that was found.
type photo struct {
	ID       string   `json:"id"`
	URI      string   `json:"uri"`
	Rank     int      `json:"rank"`
	Score    *float64 `json:"score,omitempty" jsonschema:"cosine similarity between the query and the photo"`
	Path     string   `json:"path"`
	Copies   int      `json:"copies,omitempty" jsonschema:"number of other files with the same content"`
	Missing  bool     `json:"missing,omitempty" jsonschema:"whether all files are gone"`
	Width    int      `json:"width"`
	Height   int      `json:"height"`
	TakenAt  string   `json:"taken_at,omitempty"`
	Camera   string   `json:"camera,omitempty"`
	Place    string   `json:"place,omitempty"`
	People   []string `json:"people,omitempty"`
	Keywords []string `json:"keywords,omitempty"`
	Text     string   `json:"text,omitempty" jsonschema:"the lines of text in the photo that match"`
}

func (s *Server) addSearch() {
	common := func(p map[string]*jsonschema.Schema) {
		between(p["top"], 1, maxTop, defaultTop)
		between(p["offset"], 0, maxOffset, 0)
	}
	addTool(s, "search_photos", "Search photos", "Find the user's photos by what they show, and by filters on date, place, people, camera and more.",
		inputSchema[searchInput](func(p map[string]*jsonschema.Schema) {
			common(p)
			oneOf(p["sort"], string(store.ByScore), string(store.ByDate), string(store.ByPath))
			longest := maxQuery
			p["query"].MaxLength = &longest
		}), schemaOf[found](), s.search)
	addTool(s, "find_similar", "Find similar photos", "Find photos that look like a photo. The photo itself is not among them.", inputSchema[similarInput](common), schemaOf[found](), s.similar)
}

var errNoWords = errors.New("the query has no words")

func (s *Server) search(ctx context.Context, in searchInput) ([]mcp.Content, any, error) {
	r := query.Request{Order: store.Order(in.Sort), Limit: in.Top, Offset: in.Offset, Confident: in.Confident}
	if in.Query != "" {
		if err := ask.CheckText(in.Query, "query"); err != nil {
			return nil, nil, &ask.Error{Option: "query", Err: errNoWords, Hint: "describe what the photos show"}
		}
		r.Terms = []query.Term{ask.Text(1, in.Query, nil)}
	}
	switch {
	case len(r.Terms) > 0:
	case in.Confident:
		return nil, nil, &ask.Error{Option: "confident", Err: errNeedsQuery, Hint: "add a query, or omit it"}
	case r.Order == store.ByScore:
		return nil, nil, &ask.Error{Option: "sort", Err: errNeedsQuery, Hint: "add a query, or use date or path"}
	}
	if r.Confident {
		r.Missing = query.DropMissing
	}
	filter, err := in.Filter(option)
	if err != nil {
		return nil, nil, err
	}
	return s.answer(ctx, r, filter, in.Thumbnails, func(context.Context, store.Store, *query.Request) error { return nil })
}

var errNeedsQuery = errors.New("it needs a query")

func (s *Server) similar(ctx context.Context, in similarInput) ([]mcp.Content, any, error) {
	filter, err := in.Filter(option)
	if err != nil {
		return nil, nil, err
	}
	return s.answer(ctx, query.Request{Limit: in.Top, Offset: in.Offset}, filter, in.Thumbnails, func(ctx context.Context, ix store.Store, r *query.Request) error {
		id, err := ask.FindID(ctx, ix, strings.ToLower(in.ID))
		r.Terms = []query.Term{{Weight: 1, Label: "photo " + id.String(), Indexed: &id}}
		return err
	})
}

// answer searches, and adds thumbnails if they are wanted. complete adds to the request what needs the index.
func (s *Server) answer(ctx context.Context, r query.Request, filter ask.Filter, thumbnails bool, complete func(context.Context, store.Store, *query.Request) error) ([]mcp.Content, any, error) {
	answer, err := s.library.Find(ctx, func(ctx context.Context, ix store.Store, engine *query.Engine) (query.Request, error) {
		if err := complete(ctx, ix, &r); err != nil {
			return r, err
		}
		var err error
		r.Filter, err = filter.In(ctx, engine)
		return r, err
	})
	if err != nil {
		return nil, nil, err
	}
	out := newFound(answer, r, s.door)
	if answer.Searched == 0 && filter.SelectsAll() {
		path, err := s.library.IndexPath()
		if err != nil {
			return nil, nil, err
		}
		out.Message = fmt.Sprintf("nothing is indexed in %s yet; add photos with %s, or choose another index with %s", words.Path(path), s.door(words.IndexFolder), s.door(words.ChooseIndex))
	}
	if !thumbnails || len(answer.Hits) == 0 {
		return nil, out, nil
	}
	content, err := s.thumbnails(ctx, out, answer.Hits)
	return content, out, err
}

func newFound(answer *query.Response, r query.Request, door words.Door) *found {
	out := &found{Photos: []photo{}, Searched: answer.Searched, Verdict: string(answer.Verdict), Message: words.Verdict(answer, query.Title(r.Terms), r.Offset == 0)}
	for _, n := range answer.Notices {
		out.Notices = append(out.Notices, words.Notice(n, door).Sentence)
	}
	for i, h := range answer.Hits {
		p := photo{
			ID: h.ID.String(), URI: uriOf(h.ID), Rank: r.Offset + i + 1, Path: strings.ToValidUTF8(h.Path, "\ufffd"), Copies: h.Copies(), Missing: h.Missing, Width: h.Width, Height: h.Height,
			TakenAt: h.TakenAt, Camera: h.Camera, Place: wire.PlaceName(h.Position), People: h.People, Keywords: h.Keywords, Text: h.Excerpt(),
		}
		if len(r.Terms) > 0 {
			score := wire.Round(h.Score, 6)
			p.Score = &score
		}
		out.Photos = append(out.Photos, p)
	}
	if len(answer.Hits) == 0 && out.Message == "" {
		out.Message = fmt.Sprintf("no matching photos (%d searched)", answer.Searched)
	}
	return out
}

// thumbnails returns small pictures of the hits, each after its id.
func (s *Server) thumbnails(ctx context.Context, out *found, hits []query.Hit) (content []mcp.Content, err error) {
	jpegs := make([][]byte, len(hits))
	g, inGroup := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, h := range hits {
		g.Go(func() error {
			jpegs[i], _ = s.library.JPEG(inGroup, h.ID, maxThumbnail) // a photo whose disk is disconnected has none
			return ctx.Err()
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	size := 0
	for i, jpeg := range jpegs {
		label := fmt.Sprintf("%d. %s", out.Photos[i].Rank, out.Photos[i].ID)
		size += len(jpeg)
		switch {
		case jpeg == nil:
			content = append(content, &mcp.TextContent{Text: label + ": no thumbnail, since no file of this photo can be read now"})
		case size > maxPictures:
			return append(content, &mcp.TextContent{Text: "no more thumbnails, since the result would be too large; use offset for the next photos"}), nil
		default:
			content = append(content, &mcp.TextContent{Text: label}, &mcp.ImageContent{MIMEType: "image/jpeg", Data: jpeg})
		}
	}
	return content, nil
}
