// Package wire holds the machine formats (docs/json.md): the forms in which every door gives answers to other programs. It must not know how an answer is
// found, printed or sent.
package wire

import (
	"math"
	"slices"
	"time"
	"unicode/utf8"
)

// Schema is the version of every machine format.
const Schema = 1

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

// Paths are a picture's files in the machine formats. JSON damages strings that are not UTF-8; path_b64 and also_b64 hold their
// bytes.
type Paths struct {
	Path    string   `json:"path"`
	PathB64 []byte   `json:"path_b64,omitempty"`
	Also    []string `json:"also"`
	AlsoB64 [][]byte `json:"also_b64,omitempty"`
}

// NewPaths converts the path of a picture's first file, and those of the others, to the machine formats.
func NewPaths(path string, also []string) Paths {
	p := Paths{Path: path, PathB64: NotUTF8(path), Also: append([]string{}, also...)}
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
