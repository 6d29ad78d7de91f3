package store

import (
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Fold makes names comparable: it converts them to Unicode's composed form (macOS stores names decomposed) and removes case.
func Fold(s string) string {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return cases.Fold().String(norm.NFC.String(s))
		}
	}
	return strings.ToLower(s)
}

// ValidGlob reports whether a glob, which may contain `**`, is valid.
func ValidGlob(glob string) bool { return glob != "" && doublestar.ValidatePattern(Fold(glob)) }

// MatchName reports whether a folded glob matches a file's name, or its path below the root if the glob contains a slash.
func MatchName(glob, dir, name string) bool {
	subject := name
	if strings.Contains(glob, "/") {
		subject = path.Join(dir, name)
	}
	return doublestar.MatchUnvalidated(glob, Fold(subject))
}

// MatchPerson reports whether a glob, folded by FoldText, matches one of the people's names, or one of the words of a name.
func MatchPerson(glob string, people []string) bool {
	return slices.ContainsFunc(people, func(name string) bool {
		return MatchLabel(glob, name) || slices.ContainsFunc(strings.Fields(name), func(word string) bool { return MatchLabel(glob, word) })
	})
}

// MatchLabel reports whether a glob, folded by FoldText, matches a label.
func MatchLabel(glob, label string) bool {
	folded := FoldText(label)
	return folded == glob || doublestar.MatchUnvalidated(glob, folded)
}

// MatchKeyword reports whether a folded glob matches one of the keywords.
func MatchKeyword(glob string, keywords []string) bool {
	for _, k := range keywords {
		if folded := Fold(k); folded == glob || doublestar.MatchUnvalidated(glob, folded) {
			return true
		}
	}
	return false
}
