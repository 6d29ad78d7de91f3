package tokenize

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// addedToken is an entry of tokenizer.json's added_tokens.
type addedToken struct {
	ID         int32  `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"` // counts only where no letter, digit or underscore touches it
	LStrip     bool   `json:"lstrip"`      // takes the white space before it
	RStrip     bool   `json:"rstrip"`      // takes the white space after it
	Normalized bool   `json:"normalized"`  // looked for in the normalised text, not in the raw one
}

// specials are added tokens that are cut out of a text before the rest is processed.
type specials struct {
	tokens map[string]addedToken
	starts [256]bool // the first bytes of all tokens: text without one of them holds no token
}

func newSpecials(tokens []addedToken) (specials, error) {
	s := specials{tokens: make(map[string]addedToken, len(tokens))}
	for _, t := range tokens {
		if t.Content == "" {
			return s, fmt.Errorf("added token %d is empty", t.ID)
		}
		s.tokens[t.Content] = t
		s.starts[t.Content[0]] = true
	}
	return s, nil
}

// cut calls visit for each stretch of plain text, with its offset, and each special token (offset -1), in order, until
// visit returns false. If several tokens start at the same place, the longest counts.
func (s *specials) cut(text string, visit func(plain string, offset int, special int32) bool) {
	done := 0 // what was visited
	for i := 0; i < len(text); {
		token, found := addedToken{}, false
		if s.starts[text[i]] {
			token, found = s.longest(text[i:])
		}
		if !found {
			i++
			continue
		}
		start, end := i, i+len(token.Content)
		i = end
		if token.SingleWord && (endsInWord(text[:start]) || startsWithWord(text[end:])) {
			continue
		}
		if token.LStrip {
			start = max(done, len(strings.TrimRightFunc(text[:start], unicode.IsSpace)))
		}
		if token.RStrip {
			end = len(text) - len(strings.TrimLeftFunc(text[end:], unicode.IsSpace))
		}
		if done < start && !visit(text[done:start], done, 0) {
			return
		}
		done = end
		if !visit("", -1, token.ID) {
			return
		}
	}
	if done < len(text) {
		visit(text[done:], done, 0)
	}
}

func (s *specials) longest(text string) (best addedToken, found bool) {
	for content, t := range s.tokens {
		if len(content) > len(best.Content) && strings.HasPrefix(text, content) {
			best, found = t, true
		}
	}
	return best, found
}

func startsWithWord(s string) bool {
	r, n := utf8.DecodeRuneInString(s)
	return n > 0 && isWordRune(r)
}

func endsInWord(s string) bool {
	r, n := utf8.DecodeLastRuneInString(s)
	return n > 0 && isWordRune(r)
}

// isWordRune reports whether r matches \w in the reference's regular expressions.
func isWordRune(r rune) bool {
	return unicode.In(r, unicode.L, unicode.M, unicode.Nd, unicode.Pc)
}
