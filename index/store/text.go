package store

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Text is the text in a picture, as a text model has read it.
type Text struct {
	// Model is the identity of the text model.
	Model string
	// Lines are from top to bottom. A picture without text has none.
	Lines []TextLine
}

// TextLine is a line of text in a picture.
type TextLine struct {
	Text string `json:"text"`
	// Score is the mean probability of the line's characters, 0 to 1.
	Score float64 `json:"score"`
	// Corners are where the line's first character begins at the top, where its last one ends at the top, where that ends at the bottom, and
	// where the first one begins at the bottom.
	Corners [4]Corner `json:"corners"`
}

// Corner is a point in an upright picture, as fractions of its width and height.
type Corner struct {
	X float64 `json:"x"`
	Y float64 `json:"y"`
}

// Folded returns the lines in the form in which a store compares them: by FoldText, one per line; "" if there is no text.
func (t Text) Folded() string {
	lines := make([]string, len(t.Lines))
	for i, l := range t.Lines {
		lines[i] = FoldText(l.Text)
	}
	return strings.Join(lines, "\n")
}

// Holds reports whether the text contains a phrase. Case, accents, spaces and ends of lines are ignored.
func (t Text) Holds(phrase string) bool {
	wanted := Squeeze(FoldText(phrase))
	return wanted != "" && strings.Contains(Squeeze(t.Folded()), wanted)
}

// Matching returns the first lines that together contain a phrase; none if the text does not contain it.
func (t Text) Matching(phrase string) []TextLine {
	wanted := Squeeze(FoldText(phrase))
	if wanted == "" {
		return nil
	}
	var all strings.Builder
	ends := make([]int, len(t.Lines))
	for i, l := range t.Lines {
		all.WriteString(Squeeze(FoldText(l.Text)))
		ends[i] = all.Len()
	}
	at := strings.Index(all.String(), wanted)
	if at < 0 {
		return nil
	}
	first := slices.IndexFunc(ends, func(end int) bool { return end > at })
	last := slices.IndexFunc(ends, func(end int) bool { return end >= at+len(wanted) })
	return t.Lines[first : last+1]
}

// TextMatch is a picture whose text contains words.
type TextMatch struct {
	Picture PictureID
	// Alone is the share of the words that stand alone in the text, Share the share of the text that the words make up, both 0 to 1.
	Alone, Share float64
}

// Quality is larger for a text that fits the words better.
func (m TextMatch) Quality() float64 { return m.Alone + m.Share }

// SortTextMatches sorts matches best first, and by picture if they are equally good.
func SortTextMatches(list []TextMatch) {
	slices.SortFunc(list, func(a, b TextMatch) int {
		return cmp.Or(cmp.Compare(b.Quality(), a.Quality()), bytes.Compare(a.Picture[:], b.Picture[:]))
	})
}

// maxTrigrams is the number of a phrase's trigrams that are looked up. They nearly always select what the whole phrase does; each further one costs
// time.
const maxTrigrams = 24

// Trigrams returns the first different runs of three characters in a squeezed phrase, which all texts that contain it have; none if it is too short.
func Trigrams(phrase string) (list []string) {
	letters := []rune(phrase)
	for i := 0; i+3 <= len(letters) && len(list) < maxTrigrams; i++ {
		if one := string(letters[i : i+3]); !slices.Contains(list, one) {
			list = append(list, one)
		}
	}
	return list
}

// TextCoverage says how much of an index a text model has read.
type TextCoverage struct {
	// Read is the number of pictures with a file that the model has read, WithText the number of those in which it has found text.
	Read, WithText int
}

// MatchWords reports whether a folded text contains words, which must be folded and squeezed, and how well. A word must be in one line. A short word must begin or end where a word of the line does, because it may be a part of many others.
func MatchWords(folded string, words []string) (m TextMatch, ok bool) {
	alone, letters := 0, 0
	for _, word := range words {
		switch bounds := matchWord(folded, word); {
		case bounds < 0, bounds == 0 && len([]rune(word)) < longWord:
			return m, false
		case bounds == wholeWord:
			alone++
		}
		letters += len(word)
	}
	if len(words) == 0 {
		return m, false
	}
	m.Alone, m.Share = float64(alone)/float64(len(words)), min(float64(letters)/float64(len(folded)), 1)
	return m, true
}

// longWord is the number of letters from which a word counts anywhere in a line, since the text model may omit the spaces around it.
const longWord = 5

// wholeWord is matchWord's answer for a word that stands alone.
const wholeWord = 2

// matchWord returns at how many of its ends, 0 to 2, a word is bounded where it fits the text best; -1 if the text does not contain it.
func matchWord(folded, word string) (bounds int) {
	bounds = -1
	for from := 0; ; { // most words that count stand alone
		at := strings.Index(folded[from:], word)
		if at < 0 {
			break
		}
		at += from
		before, _ := utf8.DecodeLastRuneInString(folded[:at])
		after, _ := utf8.DecodeRuneInString(folded[at+len(word):])
		if !isWordRune(before) && !isWordRune(after) {
			return wholeWord
		}
		bounds, from = 0, at+1
	}
	for _, line := range strings.Split(folded, "\n") {
		squeezed, starts := squeezeLine(line)
		for from := 0; ; {
			at := strings.Index(squeezed[from:], word)
			if at < 0 {
				break
			}
			at += from
			from = at + 1
			n := 0
			if starts[at] {
				n++
			}
			if starts[at+len(word)] {
				n++
			}
			if bounds = max(bounds, n); bounds == wholeWord {
				return bounds
			}
		}
	}
	return bounds
}
