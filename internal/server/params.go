package server

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/imgsearch/imgsearch/index/query/parse"
	"github.com/imgsearch/imgsearch/internal/ask"
)

// FilterParams are the filters, under the names that they have on the command line.
type FilterParams struct {
	Under       []string `query:"under,explode" json:"under,omitempty" nullable:"false" maxItems:"64" doc:"Only pictures in these folders and below: absolute paths on the server"`
	After       string   `query:"after" json:"after,omitempty" doc:"Taken on this date or later: 2023-07-14, 2023-07, 2023, yesterday, last month, 10 days ago"`
	Before      string   `query:"before" json:"before,omitempty" doc:"Taken before this date"`
	Taken       string   `query:"taken" json:"taken,omitempty" doc:"Taken in this period: 2023, 2023-07, last month, 2023-06..2023-08 (both included)"`
	Camera      string   `query:"camera" json:"camera,omitempty" doc:"Taken with a camera whose name contains these words"`
	Lens        string   `query:"lens" json:"lens,omitempty" doc:"Taken with a lens whose name contains these words"`
	Rating      string   `query:"rating" json:"rating,omitempty" doc:"Stars, a number or range: 5, 3.., ..2 (0: not rated, -1: rejected)"`
	Keyword     []string `query:"keyword,explode" json:"keyword,omitempty" nullable:"false" maxItems:"64" doc:"With keywords that match these globs; all must match"`
	Type        []string `query:"type,explode" json:"type,omitempty" nullable:"false" maxItems:"64" doc:"In one of these formats: jpg, png, webp, gif, bmp, tiff, heic, avif, jxl, raw (or dng, cr2, nef, ...)"`
	Name        []string `query:"name,explode" json:"name,omitempty" nullable:"false" maxItems:"64" doc:"With a file name, or path below its root, that matches one of these globs"`
	Orientation string   `query:"orientation" json:"orientation,omitempty" doc:"landscape, portrait or square"`
	Width       string   `query:"width" json:"width,omitempty" doc:"Width in pixels, a range or number: 1920.., ..640, 640..1920"`
	Height      string   `query:"height" json:"height,omitempty" doc:"Height in pixels, a range or number"`
	Megapixels  string   `query:"megapixels" json:"megapixels,omitempty" doc:"Size in megapixels, a range or number"`
	Near        string   `query:"near" json:"near,omitempty" doc:"Taken near this place, LAT,LON in degrees: 48.858,2.294"`
	Radius      string   `query:"radius" json:"radius,omitempty" doc:"With near, the maximum distance: 500m, 10km, 3mi (default 10km)"`
	Text        []string `query:"text,explode" json:"text,omitempty" nullable:"false" maxItems:"64" doc:"With these phrases in the picture; all must match"`
	Person      []string `query:"person,explode" json:"person,omitempty" nullable:"false" maxItems:"64" doc:"With people whose names, or a word of them, match these globs; all must match"`
	Place       []string `query:"place,explode" json:"place,omitempty" nullable:"false" maxItems:"64" doc:"Taken in one of these towns, regions or countries: paris; Paris, FR; Brittany, FR"`
	Label       []string `query:"label,explode" json:"label,omitempty" nullable:"false" maxItems:"64" doc:"With labels that match these globs; all must match"`
	Not         []string `query:"not,explode" json:"not,omitempty" nullable:"false" maxItems:"64" doc:"Without pictures that match these filters: keyword=family, near=48.858,2.294,5km"`
}

// option names a parameter, with its value as in an address.
func option(name string, value ...string) string {
	return strings.Join(append([]string{name}, value...), "=")
}

// values returns the values that were given.
func (p FilterParams) values() parse.Values {
	v := parse.Values{}
	of := reflect.ValueOf(p)
	for i := range of.NumField() {
		name, _, _ := strings.Cut(of.Type().Field(i).Tag.Get("json"), ",")
		switch value := of.Field(i).Interface().(type) {
		case string:
			if value != "" {
				v[name] = []string{value}
			}
		case []string:
			if value = slices.DeleteFunc(slices.Clone(value), func(text string) bool { return text == "" }); len(value) > 0 {
				v[name] = value
			}
		}
	}
	if types := v["type"]; len(types) > 0 {
		v["type"] = strings.Split(strings.Join(types, ","), ",")
	}
	return v
}

// maxValue is the length of the longest value of a filter: that of a path.
const maxValue = 4096

// filter parses the filters.
func (p FilterParams) filter() (ask.Filter, error) {
	v := p.values()
	for name, list := range v {
		for _, value := range list {
			if len(value) > maxValue {
				return ask.Filter{}, invalid(name, fmt.Sprintf("longer than %d bytes", maxValue), "")
			}
		}
	}
	for _, dir := range v["under"] {
		if !filepath.IsAbs(dir) {
			return ask.Filter{}, invalid("under", "not an absolute path", "use the path of a folder on the server, as /api/v1/facets?by=folder lists them")
		}
	}
	return ask.ParseFilter(v, time.Now(), option)
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
