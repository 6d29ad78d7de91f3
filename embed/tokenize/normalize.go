package tokenize

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// unicodeForms are Unicode's normalisation forms.
var unicodeForms = map[string]norm.Form{"NFC": norm.NFC, "NFD": norm.NFD, "NFKC": norm.NFKC, "NFKD": norm.NFKD}

func strip(s string, left, right bool) string {
	if left {
		s = strings.TrimLeftFunc(s, unicode.IsSpace)
	}
	if right {
		s = strings.TrimRightFunc(s, unicode.IsSpace)
	}
	return s
}

// newNormalizer reads a normalizer: what is done to the text before it is cut.
func newNormalizer(component json.RawMessage) (func(string) string, error) {
	kind, err := typeOf(component)
	if err != nil {
		return nil, fmt.Errorf("normalizer: %w", err)
	}
	var c struct {
		Normalizers []json.RawMessage `json:"normalizers"`
		Pattern     json.RawMessage   `json:"pattern"`
		Content     string            `json:"content"`
		Prepend     string            `json:"prepend"`
		StripLeft   bool              `json:"strip_left"`
		StripRight  bool              `json:"strip_right"`
		CharsMap    []byte            `json:"precompiled_charsmap"` // base64
	}
	if kind != "" {
		if err := json.Unmarshal(component, &c); err != nil {
			return nil, fmt.Errorf("normalizer %s: %w", kind, err)
		}
	}
	switch kind {
	case "":
		return func(s string) string { return s }, nil
	case "Sequence":
		return newNormalizerSequence(c.Normalizers)
	case "NFC", "NFD", "NFKC", "NFKD":
		return unicodeForms[kind].String, nil
	case "Lowercase":
		return lower, nil
	case "Replace":
		return newReplace(c.Pattern, c.Content)
	case "Prepend":
		return func(s string) string {
			if s == "" {
				return s
			}
			return c.Prepend + s
		}, nil
	case "Strip":
		return func(s string) string { return strip(s, c.StripLeft, c.StripRight) }, nil
	case "Precompiled":
		m, err := newCharsMap(c.CharsMap)
		if err != nil {
			return nil, fmt.Errorf("normalizer %s: %w", kind, err)
		}
		return m.normalize, nil
	case "BertNormalizer":
		return newBertNormalizer(component)
	default:
		return nil, fmt.Errorf("%w: normalizer %q", ErrUnsupported, kind)
	}
}

func newNormalizerSequence(components []json.RawMessage) (func(string) string, error) {
	steps := make([]func(string) string, len(components))
	for i, c := range components {
		var err error
		if steps[i], err = newNormalizer(c); err != nil {
			return nil, err
		}
	}
	return func(s string) string {
		limit := spareText + growth*len(s)
		for _, step := range steps {
			if s = step(s); len(s) > limit {
				s = s[:limit]
			}
		}
		return s
	}, nil
}

// A sequence of hostile replacements could double a text with each step. The text is therefore cut at a limit far above what
// any context length needs, and a replacement may not be longer than maxReplacement.
const (
	spareText      = 64 << 10
	growth         = 4
	maxReplacement = 256
)

func newReplace(component json.RawMessage, content string) (func(string) string, error) {
	p, err := newPattern(component)
	if err != nil {
		return nil, fmt.Errorf("normalizer Replace: %w", err)
	}
	if len(content) > maxReplacement {
		return nil, fmt.Errorf("%w: normalizer Replace with %d bytes", ErrUnsupported, len(content))
	}
	if p.re == nil {
		return func(s string) string { return strings.ReplaceAll(s, p.literal, content) }, nil
	}
	return func(s string) string { return p.re.ReplaceAllLiteralString(s, content) }, nil
}
