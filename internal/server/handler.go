package server

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/go-json-experiment/json"

	"github.com/imgsearch/imgsearch/internal/words"
)

const (
	apiPath      = "/api/v1"
	openAPIPath  = apiPath + "/openapi.json"
	docsPath     = apiPath + "/docs"
	sessionsPath = apiPath + "/training/sessions"
	picturesPath = apiPath + "/pictures"
)

// newHandler assembles the routes and what guards them.
func (s *Server) newHandler() http.Handler {
	useProblems()
	mux := http.NewServeMux()
	config := huma.DefaultConfig("imgsearch", s.Version)
	config.Info.Description = "Find your photos by what is in them. The answers are those of the command line (docs/json.md), with links. See docs/api.md."
	config.Info.License = nil
	config.OpenAPIPath, config.DocsPath, config.SchemasPath, config.CreateHooks = "", "", "", nil
	config.RejectUnknownQueryParameters = true
	strict := huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: unmarshal}
	config.Formats = map[string]huma.Format{"application/json": strict, "json": strict}
	api := humago.New(mux, config)
	s.addSearch(api)
	s.addPictures(api)
	s.addFacets(api)
	s.addShapes(api)
	s.addStatus(api)
	s.addDupes(api)
	s.addSessions(api)
	if s.Token != "" {
		api.OpenAPI().Components.SecuritySchemes = map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer"}}
		api.OpenAPI().Security = []map[string][]string{{"token": {}}}
	}
	s.addDocs(mux, api.OpenAPI())
	s.addHealth(mux)
	s.addGallery(mux)
	if s.Token != "" {
		s.addLogin(mux)
	}
	if s.MCP {
		s.addAgents(mux)
	}
	if s.metrics != nil {
		mux.Handle("GET /metrics", s.metrics.handler())
	}
	return s.logged(s.guarded(s.routed(mux)))
}

// unmarshal decodes JSON whose names are spelled as in the document, each once: what is validated under one name must not be overridden under another.
func unmarshal(data []byte, v any) error {
	if err := json.Unmarshal(data, v); err != nil {
		return errors.New("not valid JSON, or a name twice") // the library's words name its types
	}
	return nil
}

// operation describes an operation of the API. Errors that every operation can have are added.
func operation(method, path, id, summary, description string, errors ...int) huma.Operation {
	errors = append(errors, http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable)
	tag := strings.SplitN(strings.TrimPrefix(path, apiPath+"/"), "/", 2)[0]
	return huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary, Description: description, Errors: errors, Tags: []string{tag},
		Responses: map[string]*huma.Response{},
	}
}

// addDocs serves the OpenAPI document, and a page for it that loads nothing.
func (s *Server) addDocs(mux *http.ServeMux, doc *huma.OpenAPI) {
	tolerate(doc)
	data, err := json.Marshal(doc)
	if err != nil {
		panic(fmt.Sprintf("the OpenAPI document cannot be encoded: %v", err)) // it is made of constants
	}
	mux.HandleFunc("GET "+openAPIPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(data)
	})
	page := newDocsPage(doc)
	mux.HandleFunc("GET "+docsPath, page.serve)
}

// tolerate adapts the schemas of answers, which huma derives from types: additions are allowed, and a pointer to a struct may be null.
func tolerate(doc *huma.OpenAPI) {
	requests := make(map[string]bool)
	for _, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Delete} {
			if op == nil || op.RequestBody == nil {
				continue
			}
			for _, media := range op.RequestBody.Content {
				refs(media.Schema, doc.Components.Schemas, requests)
			}
		}
	}
	for name, schema := range doc.Components.Schemas.Map() {
		if requests[name] {
			continue
		}
		schema.AdditionalProperties = nil
		t := doc.Components.Schemas.TypeFromRef("#/components/schemas/" + name)
		for property, field := range pointers(t) {
			if p := schema.Properties[property]; p != nil && p.Ref != "" && !strings.Contains(field, "omitempty") {
				schema.Properties[property] = &huma.Schema{AnyOf: []*huma.Schema{{Ref: p.Ref}, {Type: "null"}}}
			}
		}
	}
}

// refs collects the names of the schemas that a schema refers to.
func refs(schema *huma.Schema, registry huma.Registry, names map[string]bool) {
	if schema == nil {
		return
	}
	if schema.Ref != "" {
		name := schema.Ref[strings.LastIndex(schema.Ref, "/")+1:]
		if !names[name] {
			names[name] = true
			refs(registry.Map()[name], registry, names)
		}
	}
	refs(schema.Items, registry, names)
	for _, p := range schema.Properties {
		refs(p, registry, names)
	}
}

// pointers returns the JSON tags of a struct's fields that are pointers to structs, by their names.
func pointers(t reflect.Type) map[string]string {
	tags := make(map[string]string)
	if t == nil || t.Kind() != reflect.Struct {
		return tags
	}
	for _, f := range reflect.VisibleFields(t) {
		if tag := f.Tag.Get("json"); tag != "" && f.Type.Kind() == reflect.Pointer && f.Type.Elem().Kind() == reflect.Struct {
			name, rest, _ := strings.Cut(tag, ",")
			tags[name] = rest
		}
	}
	return tags
}

// addHealth serves the paths by which a supervisor sees whether the server lives, and whether it can answer.
func (s *Server) addHealth(mux *http.ServeMux) {
	say := func(w http.ResponseWriter, status int, text string) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(text + "\n"))
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !s.ready.Load() || s.isClosing() {
			w.Header().Set("Retry-After", "1")
			say(w, http.StatusServiceUnavailable, "not ready")
			return
		}
		say(w, http.StatusOK, "ready")
	})
}

// isClosing reports whether the server is about to end.
func (s *Server) isClosing() bool {
	select {
	case <-s.closing:
		return true
	default:
		return false
	}
}

// routed turns the errors of the mux, an unknown path or a wrong method, into Problems.
func (s *Server) routed(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p := checkQuery(r.URL.RawQuery); p != nil && isAPI(r.URL.Path) {
			p.send(w)
			return
		}
		h, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		answer := &statusOnly{header: http.Header{}}
		h.ServeHTTP(answer, r)
		if allow := answer.header.Get("Allow"); answer.status == http.StatusMethodNotAllowed && allow != "" {
			w.Header().Set("Allow", allow)
			problem(answer.status, codes[answer.status], r.Method+" is not possible here", "use "+allow).send(w)
			return
		}
		problem(http.StatusNotFound, notFound, "there is nothing at this address", docsPath+" lists the addresses").send(w)
	})
}

// repeatable are the parameters that take several values.
var repeatable = func() map[string]bool {
	names := make(map[string]bool)
	for _, of := range []reflect.Type{reflect.TypeFor[SearchParams](), reflect.TypeFor[FilterParams]()} {
		for i := range of.NumField() {
			if name, ok := strings.CutSuffix(of.Field(i).Tag.Get("query"), ",explode"); ok {
				names[name] = true
			}
		}
	}
	return names
}()

// checkQuery refuses parameters that would be ignored: those that are not encoded correctly, and second values of those that take one.
func checkQuery(raw string) *Problem {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return problem(http.StatusBadRequest, words.Usage, "the parameters in the address are not encoded correctly", "encode % as %25, and separate parameters by &")
	}
	for name, list := range values {
		if len(list) > 1 && !repeatable[name] {
			return invalid(name, "it is given more than once", "give it once")
		}
	}
	return nil
}

// statusOnly keeps the status of an answer, and drops its body.
type statusOnly struct {
	header http.Header
	status int
}

func (a *statusOnly) Header() http.Header         { return a.header }
func (a *statusOnly) Write(b []byte) (int, error) { return len(b), nil }
func (a *statusOnly) WriteHeader(status int)      { a.status = status }
