package store

import (
	"slices"
	"testing"
)

func TestFoldText(t *testing.T) {
	for text, want := range map[string]string{
		"Straße  Köln": "strasse koln", "ŁÓDŹ": "lodz", "a\tb\n c": "a b c", "ﬁne Ａ": "fine a", "e\u0301": "e", "İstanbul": "istanbul", "a\x00b": "ab", "": "", "日本": "日本",
	} {
		if got := FoldText(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestTextWords(t *testing.T) {
	for query, want := range map[string][]string{
		"dog on beach": {"dog", "beach"}, "Total 30.14 EUR": {"total", "30.14", "eur"}, "2023-07-01, noon": {"2023-07-01", "noon"}, "e-mail": {"mail"},
		"dog,cat.": {"dog", "cat"}, "Café": {"cafe"}, "東京 駅": {"東京"}, "12 a3": nil, "": nil, "v1.10.": {"v1.10"},
	} {
		if got := TextWords(query); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", query, got, want)
		}
	}
}

func TestMatchPerson(t *testing.T) {
	people := []string{"Zoë Müller", "Anna"}
	for glob, want := range map[string]bool{"zoe": true, "Zoë": true, "muller": true, "zoe m*": true, "ann?": true, "zo": false, "müll*": true} {
		if got := MatchPerson(FoldText(glob), people); got != want {
			t.Errorf("%s: %v", glob, got)
		}
	}
}
