package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
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
}

// Filter is what the flags select: all but --under, which needs an index to be understood.
type Filter struct {
	store.Filter

	// Dirs are those of --under, absolute; nil: anywhere.
	Dirs []string
}

// SelectsAll reports whether nothing is left out.
func (f Filter) SelectsAll() bool { return f.Dirs == nil && f.IsAll() }

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
	f.Filter, err = parse.Filter(values, parse.Options{Now: now, Formats: formatsNamed,
		FormatsHint: "give jpg, png, webp, gif, bmp, tiff, heic, avif, jxl, raw, or one of the raw kinds such as dng"})
	if bad, ok := errors.AsType[*parse.Error](err); ok {
		if errors.Is(err, parse.ErrNoPlace) {
			return f, Usage("give the place too: --near 48.858,2.294", "--radius without --near")
		}
		hint := bad.Hint
		if hint == parse.HintRange {
			hint = "a range is for --taken"
		}
		return f, Usage(hint, "--%s: %w", bad.Name, bad.Err)
	}
	for _, dir := range q.under {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return f, err
		}
		// As roots are stored: as given, and where a link leads.
		f.Dirs = append(f.Dirs, abs)
		if target, err := filepath.EvalSymlinks(abs); err == nil && target != abs {
			f.Dirs = append(f.Dirs, target)
		}
	}
	return f, err
}

// In is the filter in an index.
func (f Filter) In(ctx context.Context, e *query.Engine) (store.Filter, error) {
	if f.Dirs == nil {
		return f.Filter, nil
	}
	under, err := e.Folders(ctx, f.Dirs)
	if err != nil {
		return f.Filter, fmt.Errorf("find folders: %w", err)
	}
	f.Under = under
	return f.Filter, nil
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
