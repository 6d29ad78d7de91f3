package tokenize

import (
	"strings"
	"unicode"
)

// Clean prepares a query the way the catalogue's models were used in training (open_clip's tokenizer): white space
// collapsed to single spaces and trimmed; with canonicalize also without ASCII punctuation and in lower case.
// An empty result is an empty query.
func Clean(text string, canonicalize bool) string {
	text = validUTF8(text)
	if canonicalize {
		text = strings.ToLower(strings.Map(func(r rune) rune {
			if r < unicode.MaxASCII && (unicode.IsPunct(r) || unicode.IsSymbol(r)) {
				return -1
			}
			return r
		}, text))
	}
	return strings.Join(strings.Fields(text), " ")
}
