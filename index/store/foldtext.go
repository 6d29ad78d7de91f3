package store

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// strokes are Latin letters with a stroke or without a dot, which Unicode does not decompose, and their plain letters.
var strokes = strings.NewReplacer("ł", "l", "ø", "o", "đ", "d", "ħ", "h", "ŧ", "t", "ı", "i")

// FoldText makes texts comparable for people who type plain letters: it removes case, accents and differences of form (Unicode's compatibility
// decomposition), and turns each run of white space into one space. Control characters are dropped.
func FoldText(s string) string {
	ascii := true
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf || s[i] < ' ' {
			ascii = false
			break
		}
	}
	if ascii {
		s = strings.ToLower(s)
	} else {
		s = cases.Fold().String(norm.NFKD.String(strings.ToValidUTF8(s, "")))
		s = strings.Map(func(r rune) rune {
			switch {
			case unicode.IsSpace(r):
				return ' '
			case unicode.Is(unicode.Mn, r), unicode.IsControl(r):
				return -1
			}
			return r
		}, s)
		s = strokes.Replace(s)
	}
	return strings.Join(strings.Fields(s), " ")
}

// Squeeze removes the spaces and line ends of a folded text.
func Squeeze(folded string) string { return spaces.Replace(folded) }

var spaces = strings.NewReplacer(" ", "", "\n", "")

// squeezeLine removes the spaces of a folded line. bounds has an element for each byte of the result, and one for its end: whether a word begins or
// ends there, at a space, a change between letters and other characters, or an end of the line.
func squeezeLine(line string) (squeezed string, bounds []bool) {
	var b strings.Builder
	bounds = make([]bool, 0, len(line)+1)
	edge, before := true, rune(-1)
	for _, r := range line {
		if r == ' ' {
			edge = true
			continue
		}
		if isWordRune(r) != isWordRune(before) {
			edge = true
		}
		bounds = append(bounds, edge)
		for range utf8.RuneLen(r) - 1 {
			bounds = append(bounds, false)
		}
		b.WriteRune(r)
		edge, before = false, r
	}
	return b.String(), append(bounds, true)
}

func isWordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// TextWords returns the words of a query that count when texts are searched for them, folded: those of at least three letters or digits, or of two
// in a script that writes whole words with as many. A mark between two digits belongs to the word: "30.14".
func TextWords(query string) (words []string) {
	letters := []rune(FoldText(query))
	isDigit := func(i int) bool { return i >= 0 && i < len(letters) && unicode.IsDigit(letters[i]) }
	word := func(from, to int) {
		least := 3
		if slices.ContainsFunc(letters[from:to], func(r rune) bool {
			return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul)
		}) {
			least = 2
		}
		if to-from >= least {
			words = append(words, string(letters[from:to]))
		}
	}
	from := 0
	for i, r := range letters {
		if isWordRune(r) || r != ' ' && isDigit(i-1) && isDigit(i+1) {
			continue
		}
		word(from, i)
		from = i + 1
	}
	word(from, len(letters))
	return words
}
