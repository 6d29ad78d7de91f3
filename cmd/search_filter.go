package cmd

import (
	"fmt"
	"math"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/spf13/pflag"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/imgsearch/imgsearch/embed/decode"
	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/sqlite"
)

// filterFlags narrow a command to pictures by where they are and what is known of them.
type filterFlags struct {
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

func (q *filterFlags) add(f *pflag.FlagSet) {
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

// parse makes the filter.
func (q *filterFlags) parse(now time.Time) (f index.Filter, err error) {
	for _, step := range []func(*sqlite.Filter, time.Time) error{q.parseTimes, q.parseFormats, q.parseSizes, q.parseGear, q.parseLabels, q.parseNames, q.parsePlace} {
		if err := step(&f.Query, now); err != nil {
			return f, err
		}
	}
	// As roots are stored: as given, and where a link leads.
	for _, dir := range q.under {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return f, err
		}
		f.Under = append(f.Under, abs)
		if target, err := filepath.EvalSymlinks(abs); err == nil && target != abs {
			f.Under = append(f.Under, target)
		}
	}
	return f, nil
}

const hintDates = "give a day (2023-07-14), a month (2023-07), a year (2023), today, yesterday, \"last week\", \"last month\", \"10 days ago\""

func (q *filterFlags) parseTimes(f *sqlite.Filter, now time.Time) error {
	bound := func(flag, text string, set func(from, to time.Time)) error {
		if text == "" {
			return nil
		}
		if strings.Contains(text, "..") && flag != "--taken" {
			return usageError("a range is for --taken", "%s %q", flag, text)
		}
		from, to, err := parsePeriod(text, now)
		if err != nil {
			return usageError(hintDates, "%s: %w", flag, err)
		}
		set(from, to)
		return nil
	}
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
		flag, text string
		set        func(from, to time.Time)
	}{
		{"--after", q.after, func(a, _ time.Time) { later(a) }},
		{"--before", q.before, func(a, _ time.Time) { sooner(a) }},
		{"--taken", q.taken, func(a, b time.Time) { later(a); sooner(b) }},
	} {
		if err := bound(b.flag, b.text, b.set); err != nil {
			return err
		}
	}
	const local = "2006-01-02T15:04:05"
	if !from.IsZero() {
		f.TakenFrom = from.Format(local)
	}
	if !to.IsZero() {
		f.TakenTo = to.Format(local)
	}
	return nil
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

func (q *filterFlags) parseFormats(f *sqlite.Filter, _ time.Time) error {
	for _, name := range q.types {
		formats := formatsNamed(name)
		if len(formats) == 0 {
			return usageError("give jpg, png, webp, gif, bmp, tiff, heic, avif, jxl, raw, or one of the raw kinds such as dng", "--type %q", name)
		}
		f.Formats = append(f.Formats, formats...)
	}
	switch q.shape {
	case "", "landscape", "portrait", "square":
		f.Shape = q.shape
		return nil
	}
	return usageError("give landscape, portrait or square", "--orientation %q", q.shape)
}

func (q *filterFlags) parseSizes(f *sqlite.Filter, _ time.Time) error {
	for _, r := range []struct {
		flag, text string
		unit       float64
		to         *sqlite.Range
	}{
		{"--width", q.width, 1, &f.Width}, {"--height", q.height, 1, &f.Height}, {"--megapixels", q.megapixels, 1e6, &f.Pixels},
	} {
		if r.text == "" {
			continue
		}
		parsed, err := parseRange(r.text)
		if err != nil {
			return usageError("give a range such as 1920.., ..640 or 640..1920", "%s: %w", r.flag, err)
		}
		for _, end := range []*float64{parsed.Min, parsed.Max} {
			if end != nil {
				*end *= r.unit
			}
		}
		// "12 megapixels" is what a camera's maker calls them: 11.5 to 12.5.
		if r.unit > 1 && !strings.Contains(r.text, "..") {
			half := r.unit / 2
			low, high := *parsed.Min-half, *parsed.Max+half
			parsed.Min, parsed.Max = &low, &high
		}
		*r.to = parsed
	}
	return nil
}

// parseRange reads "3..5", "3..", "..5" or "3".
func parseRange(text string) (r sqlite.Range, err error) {
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
			return r, fmt.Errorf("%q is no number", s)
		}
		*end.to = &v
	}
	switch {
	case r.Min == nil && r.Max == nil:
		return r, fmt.Errorf("%q is no range", text)
	case r.Min != nil && r.Max != nil && *r.Min > *r.Max:
		return r, fmt.Errorf("%q ends before it begins", text)
	}
	return r, nil
}

// parseGear makes the tests of camera and lens.
func (q *filterFlags) parseGear(f *sqlite.Filter, _ time.Time) (err error) {
	if f.Camera, err = hasWords("--camera", q.camera); err != nil {
		return err
	}
	f.Lens, err = hasWords("--lens", q.lens)
	return err
}

// hasWords tests whether a name has all words of a flag; nil where there are none.
func hasWords(flag, text string) (func(name string) bool, error) {
	words := strings.Fields(foldName(text))
	if text != "" && len(words) == 0 {
		return nil, usageError("give words of its name", "%s %q", flag, text)
	}
	if len(words) == 0 {
		return nil, nil //nolint:nilnil // no test, no error
	}
	return remembering(func(name string) bool {
		folded := foldName(name)
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(folded, w) })
	}), nil
}

// remembering asks a test about each text once: a library has a handful of cameras, lenses and sets of keywords.
func remembering(test func(string) bool) func(string) bool {
	known := make(map[string]bool)
	return func(text string) bool {
		fits, ok := known[text]
		if !ok {
			fits = test(text)
			known[text] = fits
		}
		return fits
	}
}

// parseLabels makes the tests of what the owner has said of a picture.
func (q *filterFlags) parseLabels(f *sqlite.Filter, _ time.Time) (err error) {
	if q.rating != "" {
		if f.Rating, err = parseRating(q.rating); err != nil {
			return usageError("give stars such as 3.., ..2 or 5; 0 is not rated, -1 rejected", "--rating: %w", err)
		}
	}
	globs, err := foldGlobs("--keyword", q.keywords, `give a keyword, or a glob such as "fam*"`)
	if err != nil || len(globs) == 0 {
		return err
	}
	f.Keywords = remembering(func(lines string) bool {
		words := strings.Split(foldName(lines), "\n")
		return !slices.ContainsFunc(globs, func(g string) bool {
			return !slices.ContainsFunc(words, func(w string) bool { return w == g || doublestar.MatchUnvalidated(g, w) })
		})
	})
	return nil
}

// parseRating reads a range of stars, 0 to 5, or -1 for rejected.
func parseRating(text string) (r sqlite.Range, err error) {
	const rejected, most = -1.0, 5.0
	if strings.TrimSpace(text) == "-1" {
		low, high := rejected, rejected
		return sqlite.Range{Min: &low, Max: &high}, nil
	}
	if r, err = parseRange(text); err != nil {
		return r, err
	}
	for _, end := range []*float64{r.Min, r.Max} {
		if end != nil && *end > most {
			return r, fmt.Errorf("there are %g stars at most", most)
		}
	}
	return r, nil
}

// foldGlobs makes globs that are compared with folded names.
func foldGlobs(flag string, globs []string, hint string) ([]string, error) {
	folded := make([]string, len(globs))
	for i, g := range globs {
		if folded[i] = foldName(g); g == "" || !doublestar.ValidatePattern(folded[i]) {
			return nil, usageError(hint, "%s %q", flag, g)
		}
	}
	return folded, nil
}

// parseNames makes the globs. Names are compared in Unicode's composed form (macOS keeps names decomposed) and without
// regard to case.
func (q *filterFlags) parseNames(f *sqlite.Filter, _ time.Time) error {
	globs, err := foldGlobs("--name", q.names, `give a glob such as "IMG_*.jpg" or "2023/**/*.jpg"`)
	if err != nil || len(globs) == 0 {
		return err
	}
	f.Name = func(dir, name string) bool {
		return slices.ContainsFunc(globs, func(g string) bool {
			subject := name
			if strings.Contains(g, "/") {
				subject = path.Join(dir, name)
			}
			return doublestar.MatchUnvalidated(g, foldName(subject))
		})
	}
	return nil
}

// foldName makes names comparable: composed, and without case.
func foldName(s string) string {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return cases.Fold().String(norm.NFC.String(s))
		}
	}
	return strings.ToLower(s)
}

// earthRadius is the mean radius in metres (IUGG).
const earthRadius = 6_371_008.8

const defaultRadius = 10_000

func (q *filterFlags) parsePlace(f *sqlite.Filter, _ time.Time) error {
	if q.near == "" {
		if q.radius != "" {
			return usageError("give the place too: --near 48.858,2.294", "--radius without --near")
		}
		return nil
	}
	latText, lonText, ok := strings.Cut(q.near, ",")
	latitude, err1 := strconv.ParseFloat(strings.TrimSpace(latText), 64)
	longitude, err2 := strconv.ParseFloat(strings.TrimSpace(lonText), 64)
	if !ok || err1 != nil || err2 != nil || math.Abs(latitude) > 90 || math.Abs(longitude) > 180 {
		return usageError("give latitude and longitude in degrees, south and west negative: 48.858,2.294", "--near %q", q.near)
	}
	radius := float64(defaultRadius)
	if q.radius != "" {
		var err error
		if radius, err = parseDistance(q.radius); err != nil {
			return usageError("give a distance such as 500m, 10km or 3mi", "--radius: %w", err)
		}
	}
	degrees := radius / earthRadius * 180 / math.Pi
	f.South, f.North = latitude-degrees, latitude+degrees
	f.West, f.East = -180, 180
	// Where the circle holds a pole, or reaches round the earth, every meridian may be in it.
	if f.North < 90 && f.South > -90 {
		if wide := degrees / math.Cos(max(math.Abs(f.North), math.Abs(f.South))*math.Pi/180); wide < 180 {
			f.West, f.East = wrap(longitude-wide), wrap(longitude+wide)
		}
	}
	f.Where = func(lat, lon float64) bool { return distance(latitude, longitude, lat, lon) <= radius }
	return nil
}

// wrap brings a longitude back into -180 to 180.
func wrap(lon float64) float64 { return math.Mod(lon+540, 360) - 180 }

// distance is the length of the great circle between two places, in metres, by the haversine formula.
func distance(lat1, lon1, lat2, lon2 float64) float64 {
	const rad = math.Pi / 180
	sinLat, sinLon := math.Sin((lat2-lat1)*rad/2), math.Sin((lon2-lon1)*rad/2)
	h := sinLat*sinLat + math.Cos(lat1*rad)*math.Cos(lat2*rad)*sinLon*sinLon
	return 2 * earthRadius * math.Asin(math.Sqrt(min(h, 1)))
}

// parseDistance reads a length in metres; a bare number is kilometres.
func parseDistance(text string) (float64, error) {
	text = strings.TrimSpace(text)
	number := strings.TrimRight(text, "kmift ")
	metres, known := map[string]float64{"m": 1, "": 1000, "km": 1000, "mi": 1609.344, "ft": 0.3048}[strings.TrimSpace(text[len(number):])]
	value, err := strconv.ParseFloat(number, 64)
	if err != nil || !known || !(value > 0) || math.IsInf(value, 0) {
		return 0, fmt.Errorf("%q is no distance", text)
	}
	return value * metres, nil
}
