package store

import (
	"path"
	"strings"
	"unicode/utf8"

	"github.com/bmatcuk/doublestar/v4"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Fold makes names comparable: in Unicode's composed form (macOS keeps names decomposed), and without case.
func Fold(s string) string {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return cases.Fold().String(norm.NFC.String(s))
		}
	}
	return strings.ToLower(s)
}

// ValidGlob reports whether a glob, `**` included, can be matched.
func ValidGlob(glob string) bool { return glob != "" && doublestar.ValidatePattern(Fold(glob)) }

// MatchName reports whether a folded glob matches a file: its name, or, where the glob has a slash, its path below the root.
func MatchName(glob, dir, name string) bool {
	subject := name
	if strings.Contains(glob, "/") {
		subject = path.Join(dir, name)
	}
	return doublestar.MatchUnvalidated(glob, Fold(subject))
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
