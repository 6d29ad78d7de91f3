package server

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/imgsearch/imgsearch/internal/ask"
)

// FilterParams are the filters.
type FilterParams = ask.FilterParams

// option names a parameter, with its value as in an address.
func option(name string, value ...string) string {
	return strings.Join(append([]string{name}, value...), "=")
}

// SearchParams are what a search is asked, besides filters, under the names of the command line.
type SearchParams struct {
	Q              string   `query:"q" json:"q,omitempty" maxLength:"2000" doc:"What the photos show. Without a query and without other terms, the photos that match the filters are listed, newest first"`
	Add            []string `query:"add,explode" json:"add,omitempty" nullable:"false" maxItems:"32" doc:"Texts to add to the query: words, or weight:words, such as 0.5:sunset"`
	Subtract       []string `query:"subtract,explode" json:"subtract,omitempty" nullable:"false" maxItems:"32" doc:"Texts to subtract from the query"`
	Like           []string `query:"like,explode" json:"like,omitempty" nullable:"false" maxItems:"32" doc:"Ids of indexed pictures that the hits look like; they are not among the hits"`
	Prompt         []string `query:"prompt,explode" json:"prompt,omitempty" nullable:"false" maxItems:"32" doc:"Templates into which the words are put, such as a photo of {}; the vectors are averaged"`
	Top            int      `query:"top" json:"top,omitempty" minimum:"1" maximum:"10000" default:"10" doc:"Find at most so many pictures"`
	Offset         int      `query:"offset" json:"offset,omitempty" minimum:"0" maximum:"1000000000" doc:"Skip the first hits"`
	Sort           string   `query:"sort" json:"sort,omitempty" enum:"score,date,path" doc:"Order of the hits (default: score; without a query, date)"`
	MinScore       number   `query:"min-score" json:"min-score,omitzero" minimum:"-1" maximum:"1" doc:"Omit hits that score less than this cosine, -1 to 1"`
	Confident      bool     `query:"confident" json:"confident,omitempty" doc:"Only hits that reach the model's threshold and whose files exist"`
	NoOCRRank      bool     `query:"no-ocr-rank" json:"no-ocr-rank,omitempty" doc:"Rank by what the photos show alone, not by the text in them too"`
	Exact          bool     `query:"exact" json:"exact,omitempty" doc:"Compare all vectors, even in a database with so many that searches may miss some of the best hits"`
	Explain        bool     `query:"explain" json:"explain,omitempty" doc:"Say what each term contributes to each hit"`
	IncludeMissing bool     `query:"include-missing" json:"include-missing,omitempty" doc:"With confident, keep hits whose files are missing"`
	Lang           string   `query:"lang" json:"lang,omitempty" doc:"Language of the texts, for models that expect one: an ISO 639-1 code such as de"`
	Model          string   `query:"model" json:"model,omitempty" doc:"A model that the server has loaded and that has vectors here (default: the index's)"`
}

// IDParam is the id of a picture in an address.
type IDParam struct {
	ID string `path:"id" minLength:"8" maxLength:"64" doc:"The id of a picture, or its first eight or more digits"`
}

// jsonAnswer is an answer with a body.
type jsonAnswer[T any] struct{ Body T }

// register adds an operation. Its errors become Problems, and l limits how many requests it works on at once.
func register[I, O any](s *Server, api huma.API, op huma.Operation, l *limiter, handle func(ctx context.Context, in *I) (*O, error)) {
	huma.Register(api, op, func(ctx context.Context, in *I) (*O, error) {
		done, p := l.enter(ctx)
		if p != nil {
			return nil, p
		}
		defer done()
		ctx, cancel := context.WithTimeout(ctx, answerTime)
		defer cancel()
		out, err := handle(ctx, in)
		if err != nil {
			return nil, s.problemOf(err)
		}
		return out, nil
	})
}

// answerTime is how long an answer may take to be found.
const answerTime = 2 * time.Minute

// number is a number that may be missing.
type number struct {
	Value float64
	IsSet bool
}

// Schema describes it as a number.
func (n number) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeNumber, Format: "double"}
}

// Receiver is where huma puts a parameter's value.
func (n *number) Receiver() reflect.Value { return reflect.ValueOf(n).Elem().Field(0) }

// OnParamSet learns whether the parameter was given.
func (n *number) OnParamSet(isSet bool, _ any) { n.IsSet = isSet }

// UnmarshalJSON reads it from a body.
func (n *number) UnmarshalJSON(data []byte) error {
	n.IsSet = string(data) != "null"
	return json.Unmarshal(data, &n.Value)
}
