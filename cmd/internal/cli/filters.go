package cli

import (
	"errors"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/imgsearch/imgsearch/index/query/parse"
	"github.com/imgsearch/imgsearch/internal/ask"
)

// FilterFlags restrict a command to pictures by their location and metadata.
type FilterFlags struct {
	under                     []string
	after, before, taken      string
	camera, lens, rating      string
	keywords                  []string
	types                     []string
	names                     []string
	shape                     string
	width, height, megapixels string
	near                      string
	radius                    string
	texts, people, places     []string
	labels                    []string
	not                       []string
}

// Add adds the flags.
func (q *FilterFlags) Add(f *pflag.FlagSet) {
	f.StringArrayVar(&q.under, "under", nil, "only pictures in `DIR` and below (may be repeated)")
	f.StringVar(&q.after, "after", "", "taken on `DATE` or later: 2023-07-14, 2023-07, 2023, yesterday, \"last month\", \"10 days ago\"")
	f.StringVar(&q.before, "before", "", "taken before `DATE`")
	f.StringVar(&q.taken, "taken", "", "taken in `PERIOD`: 2023, 2023-07, \"last month\", 2023-06..2023-08 (both included)")
	f.StringVar(&q.camera, "camera", "", "taken with a camera whose name contains `WORDS`")
	f.StringVar(&q.lens, "lens", "", "taken with a lens whose name contains `WORDS`")
	f.StringVar(&q.rating, "rating", "", "rated `STARS`, a number or range: 5, 3.., ..2 (0: not rated, -1: rejected)")
	f.StringArrayVar(&q.keywords, "keyword", nil, "with a keyword that matches the glob `WORD`, such as \"fam*\", or album:NAME for an album of an export (may be repeated; all must match)")
	f.StringSliceVar(&q.types, "type", nil, "in one of these `FORMATS`: jpg,png,webp,gif,bmp,tiff,heic,avif,jxl,raw (or dng, cr2, nef, ...)")
	f.StringArrayVar(&q.names, "name", nil, "with a file name, or path below its root, that matches `GLOB` (may be repeated)")
	f.StringVar(&q.shape, "orientation", "", "with orientation `SHAPE`: landscape, portrait or square")
	f.StringVar(&q.width, "width", "", "width in pixels, a `RANGE` or number: 1920.., ..640, 640..1920")
	f.StringVar(&q.height, "height", "", "height in pixels, a `RANGE` or number")
	f.StringVar(&q.megapixels, "megapixels", "", "size in megapixels, a `RANGE` or number")
	f.StringVar(&q.near, "near", "", "taken near `LAT,LON`, in degrees: 48.858,2.294")
	f.StringVar(&q.radius, "radius", "", "with --near, the maximum `DISTANCE`: 500m, 10km, 3mi (default 10km)")
	f.StringArrayVar(&q.people, "person", nil, "with a person whose name, or a word of it, matches the glob `NAME` (may be repeated; all must match)")
	f.StringArrayVar(&q.places, "place", nil, "taken in `PLACE`: a town, region or country, such as paris, \"Paris, FR\" or \"Brittany, FR\" (may be repeated)")
	f.StringArrayVar(&q.labels, "label", nil, "with a label of the command label that matches the glob `NAME` (may be repeated; all must match)")
	f.StringArrayVar(&q.texts, "text", nil, "with `PHRASE` in the picture, such as on a sign or a receipt, also inside longer words; case, accents and spaces do not matter (repeat it for words that stand apart; all must match)")
	f.StringArrayVar(&q.not, "not", nil, "exclude pictures that match `FILTER=VALUE`: keyword=family, camera=nokia, near=48.858,2.294,5km (may be repeated)")
}

// Parse returns the filter. Its errors are usage errors.
func (q *FilterFlags) Parse(now time.Time) (f ask.Filter, err error) {
	values := parse.Values{
		"keyword": q.keywords, "type": q.types, "name": q.names, "text": q.texts, "person": q.people, "place": q.places, "label": q.labels, "under": q.under, "not": q.not,
	}
	for name, value := range map[string]string{
		"after": q.after, "before": q.before, "taken": q.taken, "camera": q.camera, "lens": q.lens, "rating": q.rating, "orientation": q.shape,
		"width": q.width, "height": q.height, "megapixels": q.megapixels, "near": q.near, "radius": q.radius,
	} {
		if value != "" {
			values[name] = []string{value}
		}
	}
	f, err = ask.ParseFilter(values, now, Flag)
	return f, WrongValue(err)
}

// Flag returns a flag as it is written on the command line, with its value if there is one.
func Flag(name string, value ...string) string {
	return strings.Join(append([]string{"--" + name}, value...), " ")
}

// WrongValue turns an error about a flag's value into a usage error. It leaves other errors as they are.
func WrongValue(err error) error {
	bad, ok := errors.AsType[*ask.Error](err)
	if !ok {
		return err
	}
	hint := bad.Hint
	if errors.Is(err, parse.ErrUnknownPlace) {
		hint += "; `imgsearch facets place` lists the places of your photos, and --near finds smaller ones"
	}
	return Usage(hint, "%s: %w", bad.Option, bad.Err)
}
