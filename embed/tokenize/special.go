package tokenize

import (
	"fmt"
	"strings"
)

// addedToken is an entry of tokenizer.json's added_tokens.
type addedToken struct {
	ID         int32  `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"`
}

// specials are the added tokens: cut out of the raw text before it is normalised.
type specials struct {
	ids   map[string]int32
	first string // the first bytes of all tokens: text without one of them holds no token
}

func newSpecials(tokens []addedToken) (specials, error) {
	s := specials{ids: make(map[string]int32, len(tokens))}
	for _, t := range tokens {
		if t.SingleWord || t.LStrip || t.RStrip || t.Normalized {
			return s, fmt.Errorf("%w: added token %q with single_word, lstrip, rstrip or normalized", ErrUnsupported, t.Content)
		}
		if t.Content == "" {
			return s, fmt.Errorf("added token %d is empty", t.ID)
		}
		s.ids[t.Content] = t.ID
		if !strings.Contains(s.first, t.Content[:1]) {
			s.first += t.Content[:1]
		}
	}
	return s, nil
}

// cut calls visit for each stretch of plain text and each special token, in order, until visit returns false.
// Where several tokens start at one place the longest counts.
func (s specials) cut(text string, visit func(plain string, special int32, isSpecial bool) bool) {
	start := 0
	for i := 0; i < len(text); {
		token := ""
		if strings.IndexByte(s.first, text[i]) >= 0 {
			for content := range s.ids {
				if len(content) > len(token) && strings.HasPrefix(text[i:], content) {
					token = content
				}
			}
		}
		if token == "" {
			i++
			continue
		}
		if start < i && !visit(text[start:i], 0, false) {
			return
		}
		i += len(token)
		start = i
		if !visit("", s.ids[token], true) {
			return
		}
	}
	if start < len(text) {
		visit(text[start:], 0, false)
	}
}
