package ask

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/query/parse"
	"github.com/imgsearch/imgsearch/index/store"
)

// FilterParams are the filters of a request, under the names that they have on the command line.
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

// In parses the filters and resolves their folders in an engine's index.
func (p FilterParams) In(ctx context.Context, e *query.Engine, option Options) (in store.Filter, err error) {
	f, err := p.Filter(option)
	if err != nil {
		return in, err
	}
	return f.In(ctx, e)
}

var errNotAbsolute = errors.New("not an absolute path")

// maxValue is the length of the longest value of a filter: that of a path.
const maxValue = 4096

// Filter parses the filters. option names the parameters in errors, which are of type *Error.
func (p FilterParams) Filter(option Options) (Filter, error) {
	v := p.values()
	for name, list := range v {
		for _, value := range list {
			if len(value) > maxValue {
				return Filter{}, &Error{option(name), fmt.Errorf("longer than %d bytes", maxValue), ""}
			}
		}
	}
	for _, dir := range v["under"] {
		if !filepath.IsAbs(dir) {
			return Filter{}, &Error{option("under"), errNotAbsolute, "use the path of a folder on the server, as the facet folder lists them"}
		}
	}
	return ParseFilter(v, time.Now(), option)
}
