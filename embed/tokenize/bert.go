package tokenize

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// newBertNormalizer follows BERT's BasicTokenizer as Hugging Face's tokenizers do: it removes control characters, makes
// ideographs words of their own, removes accents and lowers the case.
func newBertNormalizer(component json.RawMessage) (func(string) string, error) {
	var c struct {
		CleanText    bool  `json:"clean_text"`
		ChineseChars bool  `json:"handle_chinese_chars"`
		StripAccents *bool `json:"strip_accents"` // null: as lowercase
		Lowercase    bool  `json:"lowercase"`
	}
	if err := json.Unmarshal(component, &c); err != nil {
		return nil, fmt.Errorf("normalizer: %w", err)
	}
	stripAccents := c.Lowercase
	if c.StripAccents != nil {
		stripAccents = *c.StripAccents
	}
	return func(s string) string {
		if c.CleanText {
			s = strings.Map(cleanBert, s)
		}
		if c.ChineseChars {
			s = spaceIdeographs(s)
		}
		if stripAccents {
			s = strings.Map(func(r rune) rune {
				if unicode.Is(unicode.Mn, r) {
					return -1
				}
				return r
			}, norm.NFD.String(s))
		}
		if c.Lowercase {
			s = lower(s)
		}
		return s
	}, nil
}

// cleanBert drops control characters and turns every white space into a space.
func cleanBert(r rune) rune {
	switch {
	case r == '\t' || r == '\n' || r == '\r' || unicode.IsSpace(r):
		return ' '
	case r == 0 || r == unicode.ReplacementChar || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs):
		return -1
	}
	return r
}

func spaceIdeographs(s string) string {
	if strings.IndexFunc(s, isIdeograph) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if isIdeograph(r) {
			b.WriteByte(' ')
			b.WriteRune(r)
			b.WriteByte(' ')
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// isIdeograph reports whether r is in the CJK blocks that BERT's tokenizer splits into characters. The sixth range starts where
// BERT's code has it (U+2B920), not where the Unicode block does.
func isIdeograph(r rune) bool {
	return r >= 0x4E00 && r <= 0x9FFF || r >= 0x3400 && r <= 0x4DBF ||
		r >= 0x20000 && r <= 0x2A6DF || r >= 0x2A700 && r <= 0x2B73F ||
		r >= 0x2B740 && r <= 0x2B81F || r >= 0x2B920 && r <= 0x2CEAF ||
		r >= 0xF900 && r <= 0xFAFF || r >= 0x2F800 && r <= 0x2FA1F
}

// lower lowers character by character (no final sigma), as Rust's char::to_lowercase does: U+0130 is the only one
// that becomes two.
func lower(s string) string {
	if !strings.ContainsRune(s, 'İ') {
		return strings.Map(unicode.ToLower, s)
	}
	var b strings.Builder
	for _, r := range s {
		if r == 'İ' {
			b.WriteString("i̇")
		} else {
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}

// splitBert cuts at white space, which is dropped, and around punctuation, which is kept as words of one character.
func splitBert(s string, first bool, emit func(string, bool) bool) bool {
	start := 0
	for i, r := range s {
		space, punct := unicode.IsSpace(r), isPunct(r)
		if !space && !punct {
			continue
		}
		if start < i && !emit(s[start:i], first && start == 0) {
			return false
		}
		start = i + utf8.RuneLen(r)
		if punct && !emit(s[i:start], first && i == 0) {
			return false
		}
	}
	return start == len(s) || emit(s[start:], first && start == 0)
}

// isPunct counts all of ASCII's symbols as punctuation, as BERT does.
func isPunct(r rune) bool {
	return r < unicode.MaxASCII && (unicode.IsPunct(r) || unicode.IsSymbol(r)) || unicode.IsPunct(r)
}
