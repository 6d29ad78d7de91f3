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

// FilterFlags narrow a command to pictures by where they are and what is known of them.
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
	not                       []string
}

// Add adds the flags.
func (q *FilterFlags) Add(f *pflag.FlagSet) {
	f.StringArrayVar(&q.under, "under", nil, "only pictures in `DIR` and below (may be repeated)")
	f.StringVar(&q.after, "after", "", "taken on `DATE` or later: 2023-07-14, 2023-07, 2023, yesterday, \"last month\", \"10 days ago\"")
	f.StringVar(&q.before, "before", "", "taken before `DATE`")
	f.StringVar(&q.taken, "taken", "", "taken in a `PERIOD`: 2023, 2023-07, \"last month\", 2023-06..2023-08 (both included)")
	f.StringVar(&q.camera, "camera", "", "taken with a camera whose name has these `WORDS`")
	f.StringVar(&q.lens, "lens", "", "taken with a lens whose name has these `WORDS`")
	f.StringVar(&q.rating, "rating", "", "rated with as many `STARS`: 3.., 5, ..2 (0: not rated, -1: rejected)")
	f.StringArrayVar(&q.keywords, "keyword", nil, "with the keyword `WORD`, a glob (may be repeated: with all of them)")
	f.StringSliceVar(&q.types, "type", nil, "of these `FORMATS`: jpg,png,webp,gif,bmp,tiff,heic,avif,jxl,raw (or dng, cr2, nef, ...)")
	f.StringArrayVar(&q.names, "name", nil, "with a file whose name, or path below its root, matches `GLOB` (may be repeated)")
	f.StringVar(&q.shape, "orientation", "", "`landscape`, portrait or square")
	f.StringVar(&q.width, "width", "", "as many pixels wide: a `RANGE` 1920.., ..640, 640..1920, or a number")
	f.StringVar(&q.height, "height", "", "as many pixels high, a `RANGE`")
	f.StringVar(&q.megapixels, "megapixels", "", "of as many millions of pixels, a `RANGE`")
	f.StringVar(&q.near, "near", "", "taken near `LAT,LON`, in degrees: 48.858,2.294")
	f.StringVar(&q.radius, "radius", "", "how near: `DISTANCE` (10km by default, 500m, 3mi)")
	f.StringArrayVar(&q.not, "not", nil, "leave out pictures that match `FILTER=VALUE`: keyword=family, camera=nokia, near=48.858,2.294,5km (may be repeated)")
}

// Filter is what the flags select: all but --under, which needs an index to be understood.
type Filter struct {
	store.Filter

	// Dirs are those of --under, absolute; nil: anywhere.
	Dirs []string
	// NotDirs are those of --not under=DIR, each with where it leads.
	NotDirs [][]string
}

// SelectsAll reports whether nothing is left out.
func (f Filter) SelectsAll() bool { return f.Dirs == nil && len(f.NotDirs) == 0 && f.IsAll() }

// Parse makes the filter. Its errors are wrong usage.
func (q *FilterFlags) Parse(now time.Time) (f Filter, err error) {
	values := parse.Values{"keyword": q.keywords, "type": q.types, "name": q.names}
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
		dirs, err := places(dir)
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
		FormatsHint: "give jpg, png, webp, gif, bmp, tiff, heic, avif, jxl, raw, or one of the raw kinds such as dng"}
}

// wrongValue says what is wrong with a filter's value; before stands in front of the filter's name.
func wrongValue(err error, before string) error {
	bad, ok := errors.AsType[*parse.Error](err)
	if !ok {
		return err
	}
	if errors.Is(err, parse.ErrNoPlace) {
		return Usage("give the place too: --near 48.858,2.294", "--radius without --near")
	}
	hint := bad.Hint
	if hint == parse.HintRange {
		hint = "a range is for " + before + "taken"
	}
	return Usage(hint, "%s%s: %w", before, bad.Name, bad.Err)
}

// places are a folder as roots are stored: as given, and where a link leads.
func places(dir string) ([]string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if target, err := filepath.EvalSymlinks(abs); err == nil && target != abs {
		return []string{abs, target}, nil
	}
	return []string{abs}, nil
}

// filterNames are those that --not takes, as the flags are called.
var filterNames = []string{"under", "after", "before", "taken", "camera", "lens", "rating", "keyword", "type", "name", "orientation", "width", "height", "megapixels", "near"}

// leaveOut reads a --not.
func (f *Filter) leaveOut(text string, now time.Time) error {
	name, value, ok := strings.Cut(text, "=")
	name = strings.TrimSpace(name)
	switch {
	case name == "radius":
		return Usage("put the radius after the place: --not near=48.858,2.294,5km", "--not %s", text)
	case !ok || strings.TrimSpace(value) == "":
		return Usage("give a filter and its value: --not keyword=family", "--not %q", text)
	case !slices.Contains(filterNames, name):
		return Usage("the filters are "+strings.Join(filterNames, ", "), "--not %q: unknown filter %q", text, name)
	case name == "under":
		dirs, err := places(value)
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

// In is the filter in an index.
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

// formatNames are what people call the formats.
var formatNames = map[string]string{
	"jpg": "jpeg", "jpeg": "jpeg", "jpe": "jpeg", "png": "png", "webp": "webp", "gif": "gif", "bmp": "bmp", "tif": "tiff", "tiff": "tiff",
	"heic": "heic", "heif": "heic", "avif": "avif", "jxl": "jxl",
}

// formatsNamed are the formats that a word of --type means; "raw" means all of the cameras'.
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
