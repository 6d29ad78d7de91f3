// Package ask turns what a user asks for, as any door receives it in words, into the engine's data: filters, terms, ids. It must not know what a door calls
// its options: the door gives their names, and words the errors.
package ask

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/imgsearch/imgsearch/embed/decode"
	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/query/parse"
	"github.com/imgsearch/imgsearch/index/store"
)

// Error is a value that is invalid.
type Error struct {
	// Option is the option as the door writes it, for example "--near".
	Option string
	Err    error
	// Hint says what to write instead; "" if there is nothing to say.
	Hint string
}

func (e *Error) Error() string { return e.Option + ": " + e.Err.Error() }

// Unwrap returns the underlying error.
func (e *Error) Unwrap() error { return e.Err }

// Options names options as a door writes them: "--near" or "--near 48.858,2.294" on the command line.
type Options func(name string, value ...string) string

// Filter is a parsed filter. Folders stay unresolved, since that needs an index (In).
type Filter struct {
	store.Filter

	// Dirs are the folders of under, absolute; nil means anywhere.
	Dirs []string
	// NotDirs are the folders of a negated under, each with the target if it is a link.
	NotDirs [][]string
}

// SelectsAll reports whether f selects every picture.
func (f Filter) SelectsAll() bool { return f.Dirs == nil && len(f.NotDirs) == 0 && f.IsAll() }

// FilterNames are the options that restrict a search, of which not negates the others.
var FilterNames = []string{
	"under", "after", "before", "taken", "camera", "lens", "rating", "keyword", "type", "name", "orientation", "width", "height", "megapixels", "near", "radius",
	"text", "person", "place", "label", "not",
}

// negatable are the filters that not accepts.
var negatable = slices.DeleteFunc(slices.Clone(FilterNames), func(name string) bool { return name == "radius" || name == "not" })

// ParseFilter returns the filter for values by their names in FilterNames. A name that takes one value uses the last one. Errors are of type *Error.
func ParseFilter(v parse.Values, now time.Time, option Options) (f Filter, err error) {
	p := filterParser{parse.Options{Now: now, Formats: formatsNamed, FormatsHint: formatsHint}, option}
	if f.Filter, err = parse.Filter(v, p.Options); err != nil {
		return f, p.wrong(err, "")
	}
	for _, dir := range v["under"] {
		dirs, err := folderNames(dir)
		if err != nil {
			return f, err
		}
		f.Dirs = append(f.Dirs, dirs...)
	}
	for _, text := range v["not"] {
		if err := p.leaveOut(&f, text); err != nil {
			return f, err
		}
	}
	return f, nil
}

type filterParser struct {
	parse.Options

	option Options
}

// wrong returns the error for a filter's value, which not names if it is not "".
func (p filterParser) wrong(err error, not string) error {
	bad, ok := errors.AsType[*parse.Error](err)
	if !ok {
		return err
	}
	if errors.Is(err, parse.ErrNoPlace) {
		return &Error{p.option("radius"), fmt.Errorf("it needs %s", p.option("near")), "add a place, for example " + p.option("near", "48.858,2.294")}
	}
	named := p.option(bad.Name)
	if not != "" {
		named = p.option(not) + " " + bad.Name
	}
	hint := bad.Hint
	if hint == parse.HintRange {
		hint = "only " + p.option("taken") + " accepts a range"
	}
	return &Error{named, bad.Err, hint}
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

// leaveOut parses one value of not.
func (p filterParser) leaveOut(f *Filter, text string) error {
	name, value, ok := strings.Cut(text, "=")
	name = strings.TrimSpace(name)
	invalid := fmt.Errorf("invalid value %q", text)
	switch {
	case name == "radius":
		return &Error{p.option("not"), invalid, "put the radius after the place: " + p.option("not", "near=48.858,2.294,5km")}
	case !ok || strings.TrimSpace(value) == "":
		return &Error{p.option("not"), invalid, "use a filter and its value: " + p.option("not", "keyword=family")}
	case !slices.Contains(negatable, name):
		return &Error{p.option("not"), fmt.Errorf("%q: unknown filter %q", text, name), "the filters are " + strings.Join(negatable, ", ")}
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
	not, err := parse.Filter(values, p.Options)
	if err != nil {
		return p.wrong(err, "not")
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

const formatsHint = "use jpg, png, webp, gif, bmp, tiff, heic, avif, jxl, raw, or a raw format such as dng"

// formatsNamed returns the formats for a word; "raw" means all raw formats.
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
