package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/imgsearch/imgsearch/embed/decode"
	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/query/parse"
	"github.com/imgsearch/imgsearch/index/store"
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

// Filter is the parsed flags. Folders stay unresolved, since that needs an index (In).
type Filter struct {
	store.Filter

	// Dirs are the folders of --under, absolute; nil means anywhere.
	Dirs []string
	// NotDirs are the folders of --not under=DIR, each with the target if it is a link.
	NotDirs [][]string
}

// SelectsAll reports whether f selects every picture.
func (f Filter) SelectsAll() bool { return f.Dirs == nil && len(f.NotDirs) == 0 && f.IsAll() }

// Parse returns the filter. Its errors are usage errors.
func (q *FilterFlags) Parse(now time.Time) (f Filter, err error) {
	values := parse.Values{"keyword": q.keywords, "type": q.types, "name": q.names, "text": q.texts, "person": q.people, "place": q.places, "label": q.labels}
	for name, value := range map[string]string{
		"after": q.after, "before": q.before, "taken": q.taken, "camera": q.camera, "lens": q.lens, "rating": q.rating, "orientation": q.shape,
		"width": q.width, "height": q.height, "megapixels": q.megapixels, "near": q.near, "radius": q.radius,
	} {
		if value != "" {
			values[name] = []string{value}
		}
	}
	if f.Filter, err = parse.Filter(values, parseOptions(now)); err != nil {
		return f, wrongValue(err, "--")
	}
	for _, dir := range q.under {
		dirs, err := folderNames(dir)
		if err != nil {
			return f, err
		}
		f.Dirs = append(f.Dirs, dirs...)
	}
	for _, text := range q.not {
		if err := f.leaveOut(text, now); err != nil {
			return f, err
		}
	}
	return f, nil
}

func parseOptions(now time.Time) parse.Options {
	return parse.Options{Now: now, Formats: formatsNamed,
		FormatsHint: "use jpg, png, webp, gif, bmp, tiff, heic, avif, jxl, raw, or a raw format such as dng"}
}

// wrongValue returns a usage error for a filter's value; before is printed before the filter's name.
func wrongValue(err error, before string) error {
	bad, ok := errors.AsType[*parse.Error](err)
	if !ok {
		return err
	}
	if errors.Is(err, parse.ErrNoPlace) {
		return Usage("add a place, for example --near 48.858,2.294", "--radius needs --near")
	}
	hint := bad.Hint
	if hint == parse.HintRange {
		hint = "only " + before + "taken accepts a range"
	}
	if errors.Is(err, parse.ErrUnknownPlace) {
		hint += "; `imgsearch facets place` lists the places of your photos, and --near finds smaller ones"
	}
	return Usage(hint, "%s%s: %w", before, bad.Name, bad.Err)
}

// folderNames returns a folder in the forms in which a root may be stored: as given and, if it is a link, its target.
func folderNames(dir string) ([]string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if target, err := filepath.EvalSymlinks(abs); err == nil && target != abs {
		return []string{abs, target}, nil
	}
	return []string{abs}, nil
}

// filterNames are the filters that --not accepts, named like the flags.
var filterNames = []string{"under", "after", "before", "taken", "camera", "lens", "rating", "keyword", "type", "name", "orientation", "width", "height", "megapixels", "near", "text", "person", "place", "label"}

// leaveOut parses one --not.
func (f *Filter) leaveOut(text string, now time.Time) error {
	name, value, ok := strings.Cut(text, "=")
	name = strings.TrimSpace(name)
	switch {
	case name == "radius":
		return Usage("put the radius after the place: --not near=48.858,2.294,5km", "invalid value for --not: %s", text)
	case !ok || strings.TrimSpace(value) == "":
		return Usage("use a filter and its value: --not keyword=family", "invalid value for --not: %q", text)
	case !slices.Contains(filterNames, name):
		return Usage("the filters are "+strings.Join(filterNames, ", "), "--not %q: unknown filter %q", text, name)
	case name == "under":
		dirs, err := folderNames(value)
		if err != nil {
			return err
		}
		f.NotDirs = append(f.NotDirs, dirs)
		return nil
	}
	values := parse.Values{name: {value}}
	switch name {
	case "type":
		values[name] = strings.Split(value, ",")
	case "near":
		if place := strings.SplitN(value, ",", 3); len(place) == 3 {
			values[name], values["radius"] = []string{place[0] + "," + place[1]}, []string{place[2]}
		}
	}
	not, err := parse.Filter(values, parseOptions(now))
	if err != nil {
		return wrongValue(err, "--not ")
	}
	f.Not = append(f.Not, not)
	return nil
}

// In returns the filter for an index, with folders resolved.
func (f Filter) In(ctx context.Context, e *query.Engine) (in store.Filter, err error) {
	in = f.Filter
	if f.Dirs != nil {
		if in.Under, err = e.Folders(ctx, f.Dirs); err != nil {
			return in, fmt.Errorf("find folders: %w", err)
		}
	}
	in.Not = slices.Clone(in.Not)
	for _, dirs := range f.NotDirs {
		under, err := e.Folders(ctx, dirs)
		if err != nil {
			return in, fmt.Errorf("find folders: %w", err)
		}
		in.Not = append(in.Not, store.Filter{Under: under})
	}
	return in, nil
}

// formatNames maps common names to formats.
var formatNames = map[string]string{
	"jpg": "jpeg", "jpeg": "jpeg", "jpe": "jpeg", "png": "png", "webp": "webp", "gif": "gif", "bmp": "bmp", "tif": "tiff", "tiff": "tiff",
	"heic": "heic", "heif": "heic", "avif": "avif", "jxl": "jxl",
}

// formatsNamed returns the formats for a word of --type; "raw" means all raw formats.
func formatsNamed(word string) []string {
	word = strings.TrimPrefix(strings.ToLower(strings.TrimSpace(word)), ".")
	if format, ok := formatNames[word]; ok {
		return []string{format}
	}
	var list []string
	for _, f := range decode.RawFormats() {
		if word == "raw" || word == string(f) {
			list = append(list, string(f))
		}
	}
	return list
}
