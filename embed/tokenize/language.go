package tokenize

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

var languageCode = regexp.MustCompile(`^[a-z]{3}_[A-Z][a-z]{3}$`)

// isLanguageCode reports whether a token is named like the languages of NLLB: "deu_Latn".
func isLanguageCode(token string) bool { return len(token) == 8 && languageCode.MatchString(token) }

// inLanguage takes the language code off the beginning of a text, and returns the rest with the ids around it: those of the template, with
// that language's token in place of the template's. A template without a language gets the token in front. transformers' NllbTokenizer
// does the same with its src_lang.
func (t *Tokenizer) inLanguage(text string) (before, after []int32, rest string) {
	if len(t.languages) == 0 {
		return t.before, t.after, text
	}
	code, rest, _ := strings.Cut(text, " ")
	id, ok := t.languages[code]
	if !ok {
		return t.before, t.after, text
	}
	all := slices.Collect(maps.Values(t.languages))
	replaced := false
	replace := func(ids []int32) []int32 {
		ids = slices.Clone(ids)
		for i := range ids {
			if slices.Contains(all, ids[i]) {
				ids[i], replaced = id, true
			}
		}
		return ids
	}
	before, after = replace(t.before), replace(t.after)
	if !replaced && len(before)+len(after)+2 <= t.config.ContextLength {
		before = append([]int32{id}, before...)
	}
	return before, after, rest
}
