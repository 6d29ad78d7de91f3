package tokenize

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// byteRunes is GPT-2's table: a printable character for each byte (bytes_to_unicode in openai/gpt-2's encoder.py).
var byteRunes = func() (table [256]rune) {
	next := rune(256)
	for b := range table {
		if b >= '!' && b <= '~' || b >= 0xa1 && b <= 0xac || b >= 0xae {
			table[b] = rune(b)
		} else {
			table[b] = next
			next++
		}
	}
	return table
}()

// newByteLevel reads ByteLevel: words are cut as GPT-2 does, and their bytes become printable characters.
func newByteLevel(component json.RawMessage) (splitter, error) {
	c := struct {
		AddPrefixSpace bool  `json:"add_prefix_space"`
		UseRegex       *bool `json:"use_regex"` // absent: true
	}{}
	if err := json.Unmarshal(component, &c); err != nil {
		return nil, fmt.Errorf("pre-tokenizer ByteLevel: %w", err)
	}
	return func(s string, first bool, emit func(string, bool) bool) bool {
		if c.AddPrefixSpace && !strings.HasPrefix(s, " ") {
			s = " " + s
		}
		if c.UseRegex != nil && !*c.UseRegex {
			return emit(byteLevel(s), first)
		}
		for from := 0; from < len(s); {
			n := gpt2Word(s[from:])
			if !emit(byteLevel(s[from:from+n]), first && from == 0) {
				return false
			}
			from += n
		}
		return true
	}, nil
}

func byteLevel(s string) string {
	plain := true
	for i := range len(s) {
		plain = plain && s[i] >= '!' && s[i] <= '~'
	}
	if plain {
		return s
	}
	var b strings.Builder
	b.Grow(2 * len(s))
	for i := range len(s) {
		b.WriteRune(byteRunes[s[i]])
	}
	return b.String()
}

// contractions come before all else in GPT-2's pattern.
var contractions = []string{"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"}

// gpt2Word returns the length of the word that s, not empty, starts with, by GPT-2's pattern:
// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
func gpt2Word(s string) int {
	for _, c := range contractions {
		if strings.HasPrefix(s, c) {
			return len(c)
		}
	}
	lead := 0
	if s[0] == ' ' {
		lead = 1
	}
	if r, n := utf8.DecodeRuneInString(s[lead:]); n > 0 && !unicode.IsSpace(r) {
		kind := runeKind(r)
		end := strings.IndexFunc(s[lead:], func(r rune) bool { return unicode.IsSpace(r) || runeKind(r) != kind })
		if end < 0 {
			return len(s)
		}
		return lead + end
	}
	// White space: all of it at the end of the text; before a word, its last character belongs to the word.
	end := strings.IndexFunc(s, func(r rune) bool { return !unicode.IsSpace(r) })
	if end < 0 {
		return len(s)
	}
	_, last := utf8.DecodeLastRuneInString(s[:end])
	if end > last {
		return end - last
	}
	return end
}

func runeKind(r rune) int {
	switch {
	case unicode.IsLetter(r):
		return 1
	case unicode.In(r, unicode.N):
		return 2
	}
	return 3
}
