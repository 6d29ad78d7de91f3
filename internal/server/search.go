package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/ask"
	"github.com/imgsearch/imgsearch/internal/language"
	"github.com/imgsearch/imgsearch/internal/pictures"
	"github.com/imgsearch/imgsearch/internal/wire"
	"github.com/imgsearch/imgsearch/internal/words"
)

const searchPath = apiPath + "/search"

// searchAnswer is what `search --json` prints, with links and notices.
type searchAnswer struct {
	wire.Head

	Results []searchHit `json:"results" nullable:"false"`
	wire.Judgement
	// Notices are what the command line prints beside the results.
	Notices []notice `json:"notices" nullable:"false"`
}

// searchHit is a hit with the addresses of its picture.
type searchHit struct {
	wire.Hit

	Links links `json:"links"`
}

// notice is something worth knowing that is not an error.
type notice struct {
	Message string `json:"message"`
}

// links are the addresses of what there is about a picture.
type links struct {
	Self      string `json:"self"`
	Thumbnail string `json:"thumbnail"`
	Image     string `json:"image"`
	File      string `json:"file"`
	Similar   string `json:"similar"`
}

func linksOf(id store.PictureID) links {
	self := picturesPath + "/" + id.String()
	return links{self, self + "/thumbnail", self + "/image", self + "/file", self + "/similar"}
}

// term is one term of a query in JSON: a text, an indexed picture, or a picture that was sent with it.
type term struct {
	Text   string  `json:"text,omitempty" maxLength:"2000" doc:"Words"`
	Like   string  `json:"like,omitempty" doc:"The id of an indexed picture"`
	Image  *int    `json:"image,omitempty" minimum:"0" doc:"The number of a picture among the parts named image, from 0"`
	Weight *number `json:"weight,omitempty" doc:"Its weight, negative to subtract it (default 1)"`
}

// searchBody is a search as JSON.
type searchBody struct {
	Terms []term `json:"terms,omitempty" nullable:"false" maxItems:"64" doc:"The terms of the query, besides q, add, subtract and like"`
	SearchParams
	FilterParams
}

func (s *Server) addSearch(api huma.API) {
	get := operation(http.MethodGet, searchPath, "search", "Find photos", "The parameters are those of the command line; repeat a parameter for several values.", http.StatusNotFound, http.StatusConflict)
	register(s, api, get, s.limits.searches, func(ctx context.Context, in *struct {
		SearchParams
		FilterParams
	}) (*jsonAnswer[searchAnswer], error) {
		return s.search(ctx, searchBody{SearchParams: in.SearchParams, FilterParams: in.FilterParams}, nil)
	})
	post := operation(http.MethodPost, searchPath, "search-post", "Find photos by several terms, or by a picture",
		"As multipart/form-data, parts named image are pictures in any supported format, and the other parts are the parameters; terms is JSON.",
		http.StatusNotFound, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusRequestTimeout)
	body := api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[searchBody](), true, "SearchBody")
	post.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"application/json": {Schema: body},
		multipartType:      {Schema: formSchema()},
	}}
	post.SkipValidateBody, post.MaxBodyBytes, post.BodyReadTimeout = true, maxUpload+1, -1 // the guard has read and limited it
	register(s, api, post, s.limits.searches, func(ctx context.Context, in *struct {
		ContentType string `header:"Content-Type" hidden:"true"`
		RawBody     []byte `contentType:"multipart/form-data"`
	}) (*jsonAnswer[searchAnswer], error) {
		asked, images, err := s.readSearch(api, in.ContentType, in.RawBody)
		if err != nil {
			return nil, err
		}
		return s.search(ctx, asked, images)
	})
}

// formSchema describes the parts of a form: the properties of a search as texts, and pictures.
func formSchema() *huma.Schema {
	schema := &huma.Schema{Type: huma.TypeObject, AdditionalProperties: false, Properties: map[string]*huma.Schema{
		"image": {Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString, Format: "binary"}, Description: "Pictures that the hits look like"},
	}}
	for name, t := range formFields {
		text := &huma.Schema{Type: huma.TypeString}
		switch {
		case name == "terms":
			text.Description = "Terms as JSON, which may refer to pictures by number"
		case t.Kind() == reflect.Slice:
			text = &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString}}
		}
		schema.Properties[name] = text
	}
	return schema
}

const multipartType = "multipart/form-data"

// readSearch reads the body of a search.
func (s *Server) readSearch(api huma.API, contentType string, body []byte) (asked searchBody, images []pictures.File, err error) {
	media, params, err := mime.ParseMediaType(contentType)
	switch {
	case contentType == "" || err == nil && media == "application/json":
		return asked, nil, decodeStrictly(api, body, &asked)
	case err != nil || media != multipartType:
		return asked, nil, problem(http.StatusUnsupportedMediaType, codes[http.StatusUnsupportedMediaType], "the body is neither JSON nor multipart/form-data", "send application/json or multipart/form-data")
	}
	form, images, err := s.readParts(body, params["boundary"])
	if err != nil {
		return asked, nil, err
	}
	return asked, images, readForm(api, form, &asked)
}

// readParts reads the parts of multipart/form-data: pictures, and texts by their names.
func (s *Server) readParts(body []byte, boundary string) (form url.Values, images []pictures.File, err error) {
	form = url.Values{}
	room := int64(maxBody) // for all parts but pictures
	reader := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		part, err := reader.NextPart()
		if errors.Is(err, io.EOF) {
			return form, images, nil
		}
		if err != nil {
			return nil, nil, problem(http.StatusBadRequest, words.Usage, "the body is not valid multipart/form-data", "")
		}
		data, err := io.ReadAll(part)
		if err != nil {
			return nil, nil, problem(http.StatusBadRequest, words.Usage, "the body is not valid multipart/form-data", "")
		}
		if part.FormName() != "image" {
			if room -= int64(len(data) + len(part.FormName()) + partBytes); room < 0 {
				return nil, nil, bodyTooLarge(maxBody)
			}
			form.Add(part.FormName(), string(data))
			continue
		}
		file, err := s.readImage(part.FileName(), data)
		if err != nil {
			return nil, nil, err
		}
		if images = append(images, file); len(images) > maxImages {
			return nil, nil, invalid("image", fmt.Sprintf("more than %d pictures", maxImages), "")
		}
	}
}

const (
	// partBytes is what a part of a form costs, besides its name and its value.
	partBytes = 256
	// maxImages is the number of pictures of a query.
	maxImages = 8
	// maxImagePixels is the size of the largest picture of a query.
	maxImagePixels = 150_000_000
)

// readImage identifies a picture that a client has sent, and refuses one that takes too much memory to decode.
func (s *Server) readImage(name string, data []byte) (pictures.File, error) {
	if name = filepath.Base(filepath.ToSlash(name)); name == "." || name == "/" || !utf8.ValidString(name) {
		name = "image"
	}
	file, err := pictures.Parse(name, data)
	if err != nil {
		return file, err
	}
	if pixels := int64(file.Picture.Width) * int64(file.Picture.Height); pixels > maxImagePixels || file.DecodeBytes(s.resident.First().Spec) > s.mostDecoded() {
		return file, invalid("image", fmt.Sprintf("%d x %d pixels are too many", file.Picture.Width, file.Picture.Height), "send a smaller copy of the picture")
	}
	return file, nil
}

// mostDecoded is the memory that one picture of a query may take, in bytes, so that all that are decoded at once take a quarter of the limit.
func (s *Server) mostDecoded() int64 {
	return app.MemoryLimit(s.Indexing.MaxMemory) / 4 / int64(cap(s.limits.images.slots))
}

// decodeStrictly decodes JSON whose properties must be those of the schema.
func decodeStrictly(api huma.API, data []byte, to *searchBody) error {
	var value any
	if err := unmarshal(data, &value); err != nil {
		return problem(http.StatusBadRequest, words.Usage, "the body is not valid JSON, or has a name twice", "")
	}
	registry := api.OpenAPI().Components.Schemas
	result := &huma.ValidateResult{}
	huma.Validate(registry, huma.SchemaFromType(registry, reflect.TypeFor[searchBody]()), huma.NewPathBuffer([]byte("body"), len("body")), huma.ModeWriteToServer, value, result)
	if len(result.Errors) > 0 {
		if p, ok := huma.NewError(http.StatusUnprocessableEntity, "validation failed", result.Errors...).(*Problem); ok {
			return p
		}
	}
	if err := unmarshal(data, to); err != nil {
		return problem(http.StatusUnprocessableEntity, words.Usage, "the body does not have the form of a search", "see "+openAPIPath)
	}
	return nil
}

// readForm turns the parts of a form into the JSON of a search, and decodes that.
func readForm(api huma.API, form url.Values, to *searchBody) error {
	object := make(map[string]any, len(form))
	for name, values := range form {
		field, ok := formFields[name]
		if !ok {
			return invalid(name, "unknown part", "the parts are image, terms and the parameters of a search")
		}
		last := values[len(values)-1]
		var err error
		switch field.Kind() {
		case reflect.Int:
			object[name], err = strconv.Atoi(last)
		case reflect.Bool:
			object[name], err = strconv.ParseBool(last)
		case reflect.Struct: // a number
			object[name], err = strconv.ParseFloat(last, 64)
		case reflect.String:
			object[name] = last
		default:
			if field.Elem().Kind() == reflect.String {
				object[name] = values
				break
			}
			if !json.Valid([]byte(last)) {
				return invalid(name, "not valid JSON", `for example [{"image": 0}, {"text": "people", "weight": -1}]`)
			}
			object[name] = json.RawMessage(last)
		}
		if err != nil {
			return invalid(name, fmt.Sprintf("invalid value %q", last), "")
		}
	}
	data, err := json.Marshal(object)
	if err != nil {
		return problem(http.StatusUnprocessableEntity, words.Usage, "the parts do not have the form of a search", "see "+openAPIPath)
	}
	return decodeStrictly(api, data, to)
}

// formFields are the types of a search's properties, by their names.
var formFields = func() map[string]reflect.Type {
	fields := make(map[string]reflect.Type)
	for _, f := range reflect.VisibleFields(reflect.TypeFor[searchBody]()) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
			fields[name] = f.Type
		}
	}
	return fields
}()

// found is an engine's answer, and what it was asked.
type found struct {
	*query.Response

	asked query.Request
	title string
}

// message describes the verdict, or an empty result; "" if there is nothing to report.
func (f found) message() string {
	switch {
	case len(f.Hits) > 0:
		return words.Verdict(f.Response, f.title, f.asked.Offset == 0)
	case f.asked.Offset > 0:
		return "no more photos found"
	}
	return fmt.Sprintf("no matching photos (%d searched)", f.Searched)
}

// ask answers a search with the engine.
func (s *Server) ask(ctx context.Context, asked searchBody, images []pictures.File) (f found, err error) {
	f.Response, err = s.answer(ctx, len(images) > 0, func(ctx context.Context, ix store.Store, engine *query.Engine) (query.Request, error) {
		var err error
		f.asked, err = s.request(ctx, ix, engine, asked, images)
		return f.asked, err
	})
	f.title = query.Title(f.asked.Terms)
	return f, err
}

// answer searches for what build makes for the index, and remembers the texts. decodes says that the request has pictures that were sent.
func (s *Server) answer(ctx context.Context, decodes bool, build func(context.Context, store.Store, *query.Engine) (query.Request, error)) (*query.Response, error) {
	ix, engine, done, err := s.Use(ctx)
	if err != nil {
		return nil, err
	}
	r, err := build(ctx, ix, engine)
	var found *query.Response
	if err == nil {
		found, err = s.find(ctx, engine, r, decodes)
	}
	if err != nil {
		done()
		return nil, err
	}
	s.rememberLater(engine, done, found)
	return found, nil
}

// search answers a search.
func (s *Server) search(ctx context.Context, asked searchBody, images []pictures.File) (*jsonAnswer[searchAnswer], error) {
	begin := time.Now()
	found, err := s.ask(ctx, asked, images)
	if err != nil {
		return nil, err
	}
	r := found.asked
	answer := searchAnswer{Results: make([]searchHit, len(found.Hits)), Judgement: wire.NewJudgement(found.Response), Notices: []notice{}}
	for i, h := range found.Hits {
		answer.Results[i] = searchHit{wire.NewHit(h, i+1+r.Offset, len(r.Terms) == 0), linksOf(h.ID)}
	}
	for _, n := range found.Notices {
		answer.Notices = append(answer.Notices, notice{words.Notice(n, s.door).Sentence})
	}
	answer.Head = wire.NewHead(found.Response, found.title, time.Since(begin))
	return &jsonAnswer[searchAnswer]{answer}, nil
}

// find searches. A picture that was sent takes memory when it is decoded, so only a few are at once.
func (s *Server) find(ctx context.Context, engine *query.Engine, r query.Request, decodes bool) (*query.Response, error) {
	if decodes {
		leave, p := s.limits.images.enter(ctx)
		if p != nil {
			return nil, p
		}
		defer leave()
	}
	return engine.Search(ctx, r)
}

// request turns a search into the engine's request.
func (s *Server) request(ctx context.Context, ix store.Store, engine *query.Engine, asked searchBody, images []pictures.File) (r query.Request, err error) {
	if r.Terms, err = s.terms(ctx, ix, asked, images); err != nil {
		return r, err
	}
	if r.Filter, err = asked.In(ctx, engine, option); err != nil {
		return r, err
	}
	p := asked.SearchParams
	r.Order, r.Limit, r.Offset, r.Confident, r.NoTextRank, r.Explain, r.Exact = store.Order(p.Sort), p.Top, p.Offset, p.Confident, p.NoOCRRank, p.Explain, p.Exact
	if r.Limit == 0 {
		r.Limit = defaultTop
	}
	if r.Confident && !p.IncludeMissing {
		r.Missing = query.DropMissing
	}
	if p.MinScore.IsSet {
		if !(math.Abs(p.MinScore.Value) <= 1) {
			return r, invalid("min-score", "not a cosine", "use a number from -1 to 1")
		}
		r.MinScore = &p.MinScore.Value
	}
	if err := s.checkScored(asked, r); err != nil {
		return r, err
	}
	r.Language = s.Language
	if p.Lang != "" {
		if _, err := language.Code(p.Lang); err != nil {
			return r, invalid("lang", fmt.Sprintf("unknown language %q", p.Lang), "use an ISO 639-1 code such as de, or a FLORES-200 code such as deu_Latn")
		}
		r.Language = p.Lang
	}
	if len(r.Terms) > 0 || p.Model != "" {
		r.Model, err = s.vectorsOf(ctx, ix, p.Model)
	}
	return r, err
}

// defaultTop is the number of hits if a search names none.
const defaultTop = 10

// checkScored rejects what only a query can be asked.
func (s *Server) checkScored(asked searchBody, r query.Request) error {
	p := asked.SearchParams
	switch {
	case len(r.Terms) > 0 && r.Confident && !query.IsPlain(r.Terms):
		return invalid("confident", "it applies only to queries of a single text", "use a single text without a weight or prompt, or use min-score")
	case len(r.Terms) > 0:
		return nil
	case p.Sort == string(store.ByScore) || p.MinScore.IsSet || p.Explain || p.Confident || len(p.Prompt) > 0:
		return invalid("q", "sort=score, min-score, explain, confident and prompt need a query", "add a query, or omit them")
	}
	return nil
}

// terms returns the terms of a query.
func (s *Server) terms(ctx context.Context, ix store.Store, asked searchBody, images []pictures.File) (terms []query.Term, err error) {
	p := asked.SearchParams
	if err := ask.CheckPrompts(p.Prompt, option); err != nil {
		return nil, err
	}
	if !utf8.ValidString(p.Q) {
		return nil, invalid("q", "not valid UTF-8", "encode it as UTF-8")
	}
	if !ask.IsEmpty(p.Q) {
		terms = append(terms, ask.Text(1, p.Q, p.Prompt))
	} else if p.Q != "" {
		return nil, invalid("q", "it has no words", "say what to look for")
	}
	for _, id := range p.Like {
		t, err := likeTerm(ctx, ix, id, 1)
		if err != nil {
			return nil, err
		}
		terms = append(terms, t)
	}
	for _, group := range []struct {
		name   string
		values []string
		sign   float64
	}{{"add", p.Add, 1}, {"subtract", p.Subtract, -1}} {
		for _, value := range group.values {
			weight, text, err := ask.Weighted(value, group.sign, group.name)
			if err != nil {
				return nil, err
			}
			if err := ask.CheckText(text, group.name); err != nil {
				return nil, err
			}
			terms = append(terms, ask.Text(weight, text, p.Prompt))
		}
	}
	used := make([]bool, len(images))
	for i, t := range asked.Terms {
		one, err := readTerm(ctx, ix, fmt.Sprintf("terms[%d]", i), t, p.Prompt, images, used)
		if err != nil {
			return nil, err
		}
		terms = append(terms, one)
	}
	for i, file := range images {
		if !used[i] {
			terms = append(terms, imageTerm(file, 1))
		}
	}
	texts := 0
	for _, t := range terms {
		texts += len(t.Texts)
	}
	if texts > maxTexts {
		return nil, invalid("terms", fmt.Sprintf("%d texts to embed, one for each term and prompt; at most %d are allowed", texts, maxTexts), "use fewer terms or prompts")
	}
	return terms, nil
}

// maxTexts is the number of texts of a query: with more, it would keep the model for seconds.
const maxTexts = 64

// readTerm reads one of a query's terms.
func readTerm(ctx context.Context, ix store.Store, name string, t term, prompts []string, images []pictures.File, used []bool) (query.Term, error) {
	weight := 1.0
	if t.Weight != nil && t.Weight.IsSet {
		weight = t.Weight.Value
	}
	if err := ask.CheckWeight(weight, t.Text+t.Like, name); err != nil {
		return query.Term{}, err
	}
	kinds := 0
	for _, given := range []bool{t.Text != "", t.Like != "", t.Image != nil} {
		if given {
			kinds++
		}
	}
	switch {
	case kinds != 1:
		return query.Term{}, invalid(name, "a term is one of text, like and image", "")
	case t.Text != "":
		if err := ask.CheckText(t.Text, name); err != nil {
			return query.Term{}, err
		}
		return ask.Text(weight, t.Text, prompts), nil
	case t.Like != "":
		return likeTerm(ctx, ix, t.Like, weight)
	case *t.Image < 0 || *t.Image >= len(images):
		return query.Term{}, invalid(name, fmt.Sprintf("there is no picture number %d", *t.Image), "send pictures as parts named image of multipart/form-data")
	}
	used[*t.Image] = true
	return imageTerm(images[*t.Image], weight), nil
}

// likeTerm returns the term for a picture in the index.
func likeTerm(ctx context.Context, ix store.Store, prefix string, weight float64) (query.Term, error) {
	id, err := find(ctx, ix, prefix)
	for _, wrong := range []error{store.ErrPrefix, ask.ErrNoPicture, ask.ErrSeveral} {
		if errors.Is(err, wrong) {
			return query.Term{}, &ask.Error{Option: "like", Err: err, Hint: "searches answer with ids"}
		}
	}
	if err != nil {
		return query.Term{}, err
	}
	return query.Term{Weight: weight, Label: id.String(), Indexed: &id}, nil
}

// imageTerm returns the term for a picture that a client has sent.
func imageTerm(file pictures.File, weight float64) query.Term {
	return query.Term{Weight: weight, Label: file.Path, Picture: pictures.NewTerm(file)}
}
