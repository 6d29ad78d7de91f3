package ask

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/imgsearch/imgsearch/embed/tokenize"
	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/query/parse"
)

// Placeholder is what a prompt has in the place of the words.
const Placeholder = "{}"

// CheckPrompts returns an error unless each prompt has the placeholder once.
func CheckPrompts(prompts []string, option Options) error {
	for _, p := range prompts {
		if strings.Count(p, Placeholder) != 1 {
			return &Error{option("prompt"), fmt.Errorf("invalid value %q", p), "write {} once where the words go: " + option("prompt", "\"a photo of {}\"")}
		}
	}
	return nil
}

// IsEmpty reports whether a text has nothing to search for.
func IsEmpty(text string) bool { return tokenize.Clean(text, false) == "" }

// Text returns the term for a text. With prompts, it is the mean of the prompts with that text.
func Text(weight float64, text string, prompts []string) query.Term {
	clean := tokenize.Clean(text, false)
	t := query.Term{Weight: weight, Label: text, Texts: []string{clean}}
	if len(prompts) > 0 {
		t.Texts, t.Prompted = nil, true
		for _, p := range prompts {
			t.Texts = append(t.Texts, tokenize.Clean(strings.Replace(p, Placeholder, clean, 1), false))
		}
	}
	return t
}

// CheckText returns an error for a text that cannot be a term. The option names where it was given.
func CheckText(text, option string) error {
	if !utf8.ValidString(text) || IsEmpty(text) {
		return &Error{option, fmt.Errorf("invalid value %q", text), "use words, in UTF-8"}
	}
	return nil
}

// Weighted splits a value such as "0.5:sunset" into its weight, times sign, and the rest. Without a number and a colon, the weight is 1.
func Weighted(value string, sign float64, option string) (weight float64, rest string, err error) {
	weight, rest = parse.Weight(value)
	weight *= sign
	return weight, rest, CheckWeight(weight, rest, option)
}

// CheckWeight returns an error for a weight that is 0 or too small or large. The option names where it was given, and value what it belongs to.
func CheckWeight(weight float64, value, option string) error {
	if weight == 0 {
		return &Error{option, fmt.Errorf("%q: the weight is 0", value), "omit the term"}
	}
	if w := math.Abs(weight); !(w >= query.LeastWeight && w <= query.MostWeight) {
		return &Error{option, fmt.Errorf("%q: the weight is %v", value, weight), "use a number between 0.000001 and 1000000"}
	}
	return nil
}
