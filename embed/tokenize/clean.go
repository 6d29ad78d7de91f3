package tokenize

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

// Clean prepares a query the way the catalogue's models were used in training (open_clip's tokenizer): white space
// collapsed to single spaces and trimmed; with canonicalize also without ASCII punctuation and in lower case, by
// Unicode's full rules (a final sigma is another letter, İ becomes two).
// An empty result is an empty query.
func Clean(text string, canonicalize bool) string {
	text = validUTF8(text)
	if canonicalize {
		text = cases.Lower(language.Und).String(strings.Map(func(r rune) rune {
			if r < unicode.MaxASCII && (unicode.IsPunct(r) || unicode.IsSymbol(r)) {
				return -1
			}
			return r
		}, text))
	}
	return strings.Join(strings.FieldsFunc(text, isCleanSpace), " ")
}

// isCleanSpace reports whether r is white space in Python (str.split), as in the models' training: Unicode's and the four
// separators of ASCII.
func isCleanSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }
