// Package parse parses user input: filters, dates, ranges, weights, distances. It must not know flags or stores.
package parse

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/places"
)

// Error means that a value is invalid. Hint describes the valid values.
type Error struct {
	Name string // name of the value
	Err  error
	Hint string
}

func (e *Error) Error() string { return e.Name + ": " + e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// bad returns the error for an invalid value.
func bad(name, hint, value string) error {
	return &Error{name, fmt.Errorf("invalid value %q", value), hint}
}

// Values are the given values, under the same names as the flags for filters. A name may have several values; store.Filter documents
// their meaning. Under is not included, since it needs the roots of an index.
type Values map[string][]string

// one returns the value of a filter that takes a single value: the last one given.
func (v Values) one(name string) string {
	if list := v[name]; len(list) > 0 {
		return list[len(list)-1]
	}
	return ""
}

// Options control how values are parsed.
type Options struct {
	// Now is the time that relative dates such as "yesterday" refer to.
	Now time.Time
	// Formats returns the formats that a word stands for, or none if the word is not known.
	Formats func(word string) []string
	// FormatsHint is the hint that lists the known words.
	FormatsHint string
}

// maxWords is the number of values, or of their words, that a filter may have: a store tests each for each name.
const maxWords = 400

// Filter parses values into a filter. Its errors are of type *Error.
func Filter(v Values, o Options) (f store.Filter, err error) {
	for name, list := range v {
		words := 0
		for _, value := range list {
			words += max(1, len(strings.Fields(value)))
		}
		if words > maxWords {
			return f, &Error{name, fmt.Errorf("%d values or words", words), fmt.Sprintf("use at most %d", maxWords)}
		}
	}
	for _, step := range []func(*store.Filter, Values, Options) error{times, formats, pixels, gear, owner, names, place, placeNames, texts, labels} {
		if err := step(&f, v, o); err != nil {
			return f, err
		}
	}
	return f, nil
}

const hintDates = "use a day (2023-07-14), a month (2023-07), a year (2023), today, yesterday, \"last week\", \"last month\" or \"10 days ago\""

func times(f *store.Filter, v Values, o Options) error {
	var from, to time.Time
	later := func(t time.Time) {
		if t.After(from) {
			from = t
		}
	}
	sooner := func(t time.Time) {
		if to.IsZero() || t.Before(to) {
			to = t
		}
	}
	for _, b := range []struct {
		name string
		set  func(from, to time.Time)
	}{
		{"after", func(a, _ time.Time) { later(a) }},
		{"before", func(a, _ time.Time) { sooner(a) }},
		{"taken", func(a, b time.Time) { later(a); sooner(b) }},
	} {
		text := v.one(b.name)
		if text == "" {
			continue
		}
		if strings.Contains(text, "..") && b.name != "taken" {
			return bad(b.name, HintRange, text)
		}
		first, last, err := Period(text, o.Now)
		if err != nil {
			return &Error{b.name, err, hintDates}
		}
		b.set(first, last)
	}
	const local = "2006-01-02T15:04:05"
	if !from.IsZero() {
		f.Taken.From = from.Format(local)
	}
	if !to.IsZero() {
		f.Taken.To = to.Format(local)
	}
	return nil
}

func formats(f *store.Filter, v Values, o Options) error {
	for _, word := range v["type"] {
		list := o.Formats(word)
		if len(list) == 0 {
			return bad("type", o.FormatsHint, word)
		}
		f.Formats = append(f.Formats, list...)
	}
	switch shape := store.Shape(v.one("orientation")); shape {
	case "", store.Landscape, store.Portrait, store.Square:
		f.Shape = shape
		return nil
	}
	return bad("orientation", "use landscape, portrait or square", v.one("orientation"))
}

func pixels(f *store.Filter, v Values, _ Options) error {
	for _, r := range []struct {
		name string
		unit float64
		to   *store.Range
	}{{"width", 1, &f.Width}, {"height", 1, &f.Height}, {"megapixels", 1e6, &f.Pixels}} {
		text := v.one(r.name)
		if text == "" {
			continue
		}
		parsed, err := Range(text)
		if err != nil {
			return &Error{r.name, err, "use a range such as 1920.., ..640 or 640..1920"}
		}
		for _, end := range []*float64{parsed.Min, parsed.Max} {
			if end != nil {
				*end *= r.unit
			}
		}
		// "12 megapixels" is a nominal size: it means 11.5 to 12.5.
		if r.unit > 1 && !strings.Contains(text, "..") {
			half := r.unit / 2
			low, high := *parsed.Min-half, *parsed.Max+half
			parsed.Min, parsed.Max = &low, &high
		}
		*r.to = parsed
	}
	return nil
}

// Range parses "3..5", "3..", "..5" or "3", with numbers of at least 0.
func Range(text string) (r store.Range, err error) {
	low, high, isRange := strings.Cut(text, "..")
	if !isRange {
		high = low
	}
	for _, end := range []struct {
		text string
		to   **float64
	}{{low, &r.Min}, {high, &r.Max}} {
		s := strings.TrimSpace(end.text)
		if s == "" {
			continue
		}
		v, err := strconv.ParseFloat(s, 64)
		if err != nil || v < 0 || math.IsInf(v, 0) || math.IsNaN(v) {
			return r, fmt.Errorf("%q is not a valid number", s)
		}
		*end.to = &v
	}
	switch {
	case r.Min == nil && r.Max == nil:
		return r, fmt.Errorf("%q is not a range", text)
	case r.Min != nil && r.Max != nil && *r.Min > *r.Max:
		return r, fmt.Errorf("%q ends before it begins", text)
	}
	return r, nil
}

func gear(f *store.Filter, v Values, _ Options) error {
	for name, to := range map[string]*[]store.Words{"camera": &f.Cameras, "lens": &f.Lenses} {
		for _, text := range v[name] {
			words := strings.Fields(store.Fold(text))
			if text != "" && len(words) == 0 {
				return bad(name, "use one or more words of the name", text)
			}
			if len(words) > 0 {
				*to = append(*to, words)
			}
		}
	}
	return nil
}

func owner(f *store.Filter, v Values, _ Options) (err error) {
	if text := v.one("rating"); text != "" {
		if f.Rating, err = rating(text); err != nil {
			return &Error{"rating", err, "use a number of stars such as 5, or a range such as 3.. or ..2; 0 means unrated, -1 rejected"}
		}
	}
	if f.Keywords, err = globs("keyword", v, `use a keyword, or a glob such as "fam*"`); err != nil {
		return err
	}
	f.People, err = globs("person", v, `use a name, a word of it, or a glob such as "ann*"`)
	return err
}

// ErrUnknownPlace means that no populated place, region or country has a name.
var ErrUnknownPlace = errors.New("no place of this name is known")

func placeNames(f *store.Filter, v Values, _ Options) error {
	for _, text := range v["place"] {
		ids, err := places.Find(text)
		if err == nil && len(ids) == 0 {
			err = fmt.Errorf("%w: %q", ErrUnknownPlace, text)
		}
		if err != nil {
			return &Error{"place", err, `use a town of more than 15,000 people, a region or a country, such as paris, "Brittany, FR" or France`}
		}
		f.Places = append(f.Places, store.PlaceName{Name: text, IDs: ids})
	}
	return nil
}

func texts(f *store.Filter, v Values, _ Options) error {
	for _, phrase := range v["text"] {
		if store.Squeeze(store.FoldText(phrase)) == "" {
			return bad("text", "use words that are in the picture", phrase)
		}
	}
	f.Texts = v["text"]
	return nil
}

func labels(f *store.Filter, v Values, _ Options) (err error) {
	f.Labels, err = globs("label", v, `use the name of a label, or a glob such as "*dog*"`)
	return err
}

// rating parses a range of stars, 0 to 5, or -1 for rejected.
func rating(text string) (r store.Range, err error) {
	const rejected, most = -1.0, 5.0
	if strings.TrimSpace(text) == "-1" {
		low, high := rejected, rejected
		return store.Range{Min: &low, Max: &high}, nil
	}
	rest, andRejected := strings.CutPrefix(strings.TrimSpace(text), "-1..")
	if andRejected {
		if text = ".." + rest; rest == "" {
			low := rejected
			return store.Range{Min: &low}, nil
		}
	}
	if strings.HasSuffix(text, "..-1") {
		high := rejected
		return store.Range{Max: &high}, nil
	}
	if r, err = Range(text); err != nil {
		return r, err
	}
	if andRejected {
		low := rejected
		r.Min = &low
	}
	for _, end := range []*float64{r.Min, r.Max} {
		if end != nil && *end > most {
			return r, fmt.Errorf("a rating has at most %g stars", most)
		}
	}
	return r, nil
}

func globs(name string, v Values, hint string) ([]string, error) {
	for _, g := range v[name] {
		if !store.ValidGlob(g) {
			return nil, bad(name, hint, g)
		}
	}
	return v[name], nil
}

func names(f *store.Filter, v Values, _ Options) (err error) {
	f.Names, err = globs("name", v, `use a glob such as "IMG_*.jpg" or "2023/**/*.jpg"`)
	return err
}

// defaultRadius is in metres.
const defaultRadius = 10_000

// HintRange is the hint for a range given where a single date is expected.
const HintRange = "only taken accepts a range"

// ErrNoPlace means that a radius was given without a place.
var ErrNoPlace = errors.New("a radius without a place")

func place(f *store.Filter, v Values, _ Options) error {
	near, radius := v.one("near"), v.one("radius")
	if near == "" {
		if radius != "" {
			return &Error{"radius", ErrNoPlace, "add a place: near 48.858,2.294"}
		}
		return nil
	}
	latText, lonText, ok := strings.Cut(near, ",")
	latitude, err1 := strconv.ParseFloat(strings.TrimSpace(latText), 64)
	longitude, err2 := strconv.ParseFloat(strings.TrimSpace(lonText), 64)
	if !ok || err1 != nil || err2 != nil || !(math.Abs(latitude) <= 90 && math.Abs(longitude) <= 180) {
		return bad("near", "use latitude and longitude in degrees, south and west negative: 48.858,2.294", near)
	}
	f.Near = &store.Circle{Centre: store.Position{Latitude: latitude, Longitude: longitude}, Radius: defaultRadius}
	if radius != "" {
		metres, err := Distance(radius)
		if err != nil {
			return &Error{"radius", err, "use a distance such as 500m, 10km or 3mi"}
		}
		f.Near.Radius = metres
	}
	return nil
}

// Distance parses a distance and returns it in metres. A number without a unit is in kilometres.
func Distance(text string) (float64, error) {
	text = strings.TrimSpace(text)
	number := strings.TrimRight(text, "kmift ")
	metres, known := map[string]float64{"m": 1, "": 1000, "km": 1000, "mi": 1609.344, "ft": 0.3048}[strings.TrimSpace(text[len(number):])]
	value, err := strconv.ParseFloat(number, 64)
	if err != nil || !known || !(value > 0) || math.IsInf(value, 0) {
		return 0, fmt.Errorf("%q is not a distance", text)
	}
	return value * metres, nil
}

// weighted matches a weight before a term, in the same syntax as rclip: "0.5:sunset".
var weighted = regexp.MustCompile(`^(\d+(?:\.\d+)?|\.\d+|\d+\.):(.+)$`)

// Weight parses the weight before a term; without one, the weight is 1.
func Weight(s string) (weight float64, rest string) {
	m := weighted.FindStringSubmatch(s)
	if m == nil {
		return 1, s
	}
	w, err := strconv.ParseFloat(m[1], 64)
	if err != nil || math.IsInf(w, 0) {
		return 1, s
	}
	return w, m[2]
}
