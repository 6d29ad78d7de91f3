package cli

import (
	"encoding/json"
	"io"
	"math"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/imgsearch/imgsearch/internal/words"
)

// Schema is the version of every machine format.
const Schema = 1

// PrintJSON writes one value on one line.
func PrintJSON(w io.Writer, v any) error {
	e := json.NewEncoder(jsonWriter{w})
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// jsonWriter escapes in JSON what a terminal would obey, such as C1 controls in a file's name: encoding/json escapes only C0. The value stays the
// same. Each Write must be of whole characters.
type jsonWriter struct{ w io.Writer }

func (j jsonWriter) Write(data []byte) (int, error) {
	if _, err := j.w.Write(words.CleanJSON(data)); err != nil {
		return 0, err
	}
	return len(data), nil
}

// Round rounds v to a number of decimal digits.
func Round(v float64, digits int) float64 {
	p := math.Pow10(digits)
	return math.Round(v*p) / p
}

// Milliseconds returns a duration as the machine formats write it.
func Milliseconds(d time.Duration) float64 { return Round(float64(d)/float64(time.Millisecond), 2) }

// Stamp returns a time as the machine formats write it.
func Stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// OrNull returns nil, which the machine formats write as null, if a text is empty.
func OrNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// PathsJSON are a picture's files in the machine formats. JSON damages strings that are not UTF-8; path_b64 and also_b64 hold their
// bytes.
type PathsJSON struct {
	Path    string   `json:"path"`
	PathB64 []byte   `json:"path_b64,omitempty"`
	Also    []string `json:"also"`
	AlsoB64 [][]byte `json:"also_b64,omitempty"`
}

// NewPathsJSON converts the path of a picture's first file, and those of the others, to the machine formats.
func NewPathsJSON(path string, also []string) PathsJSON {
	p := PathsJSON{Path: path, PathB64: NotUTF8(path), Also: append([]string{}, also...)}
	if slices.ContainsFunc(also, func(path string) bool { return !utf8.ValidString(path) }) {
		for _, path := range also {
			p.AlsoB64 = append(p.AlsoB64, []byte(path))
		}
	}
	return p
}

// NotUTF8 returns a path's bytes if the path is not valid UTF-8, which JSON would damage, else nil.
func NotUTF8(path string) []byte {
	if utf8.ValidString(path) {
		return nil
	}
	return []byte(path)
}
