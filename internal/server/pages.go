package server

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed pages/style.css
var pageStyle string

//go:embed pages/login.html
var loginText string

//go:embed pages/docs.html
var docsText string

// page is a page without scripts. Browsers load nothing for it, and send its forms only to this server.
type page struct {
	template *template.Template
	policy   string
}

func newPage(text string) page {
	sum := sha256.Sum256([]byte(pageStyle))
	return page{
		template: template.Must(template.New("page").Funcs(template.FuncMap{"style": func() template.CSS { return template.CSS(pageStyle) }}).Parse(text)),
		policy:   "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
	}
}

var loginPage = newPage(loginText)

// write sends the page with data.
func (p page) write(w http.ResponseWriter, status int, data any) {
	var b bytes.Buffer
	if err := p.template.Execute(&b, data); err != nil {
		panic(err) // the data and the template belong together
	}
	p.send(w, status, b.Bytes())
}

func (p page) send(w http.ResponseWriter, status int, html []byte) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", p.policy)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(html)
}

// docsPage is the OpenAPI document as a page.
type docsPage struct {
	page

	html []byte
}

// docsOperation is an operation as the page shows it.
type docsOperation struct {
	*huma.Operation

	Body    []docsBody
	Answers []docsAnswer
}

type docsBody struct{ Type, Schema string }

type docsAnswer struct{ Status, Text, Type, Schema string }

type docsSchema struct {
	Name       string
	Properties []docsProperty
}

type docsProperty struct {
	Name, Type, Text string
	Ref              string
	Required         bool
}

func newDocsPage(doc *huma.OpenAPI) docsPage {
	p := docsPage{page: newPage(docsText)}
	var operations []docsOperation
	for _, path := range sortedKeys(doc.Paths) {
		item := doc.Paths[path]
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Delete} {
			if op != nil {
				operations = append(operations, newDocsOperation(op))
			}
		}
	}
	var schemas []docsSchema
	all := doc.Components.Schemas.Map()
	for _, name := range sortedKeys(all) {
		if s := newDocsSchema(name, all[name]); len(s.Properties) > 0 {
			schemas = append(schemas, s)
		}
	}
	var b bytes.Buffer
	err := p.template.Execute(&b, struct {
		Title, Version, Text string
		Document             string
		Operations           []docsOperation
		Schemas              []docsSchema
	}{doc.Info.Title, doc.Info.Version, doc.Info.Description, openAPIPath, operations, schemas})
	if err != nil {
		panic(err) // the document is made of constants
	}
	p.html = b.Bytes()
	return p
}

func (p docsPage) serve(w http.ResponseWriter, _ *http.Request) { p.send(w, http.StatusOK, p.html) }

func newDocsOperation(op *huma.Operation) docsOperation {
	o := docsOperation{Operation: op}
	if op.RequestBody != nil {
		for _, media := range sortedKeys(op.RequestBody.Content) {
			o.Body = append(o.Body, docsBody{media, refName(op.RequestBody.Content[media].Schema)})
		}
	}
	for _, status := range sortedKeys(op.Responses) {
		r := op.Responses[status]
		a := docsAnswer{Status: status, Text: r.Description}
		for _, media := range sortedKeys(r.Content) {
			a.Type, a.Schema = media, refName(r.Content[media].Schema)
		}
		o.Answers = append(o.Answers, a)
	}
	return o
}

func newDocsSchema(name string, schema *huma.Schema) docsSchema {
	s := docsSchema{Name: name}
	for _, property := range sortedKeys(schema.Properties) {
		of := schema.Properties[property]
		s.Properties = append(s.Properties, docsProperty{property, typeName(of), of.Description, refName(of), slices.Contains(schema.Required, property)})
	}
	return s
}

// refName returns the name of the schema that a schema refers to, itself or by its items; "" if there is none.
func refName(s *huma.Schema) string {
	switch {
	case s == nil:
		return ""
	case s.Ref != "":
		return s.Ref[strings.LastIndex(s.Ref, "/")+1:]
	case s.Items != nil:
		return refName(s.Items)
	case len(s.AnyOf) > 0:
		return refName(s.AnyOf[0])
	}
	return ""
}

// typeName returns a schema's type for people.
func typeName(s *huma.Schema) string {
	text := s.Type
	switch {
	case s.Items != nil:
		text = "list of " + cmp.Or(typeName(s.Items), refName(s.Items))
	case len(s.AnyOf) > 0, s.Ref != "":
		text = refName(s)
	}
	if s.Nullable || len(s.AnyOf) > 0 {
		text += " or null"
	}
	return text
}

// sortedKeys returns the keys of a map, sorted.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
