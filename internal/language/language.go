// Package language finds the language code that a text tower expects before a text. It must not know how a text is tokenized.
package language

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/language"
)

// ErrUnknown is the error for a language that FLORES-200 does not have, or for text that is not the name of a language.
var ErrUnknown = errors.New("unknown language")

// IsExpected reports whether a model's text tower expects the language of a text. The NLLB-CLIP models do. Their names begin with
// open_clip's name of the architecture.
func IsExpected(model string) bool { return strings.HasPrefix(strings.ToLower(model), "nllb") }

var flores = regexp.MustCompile(`^[a-z]{3}_[A-Z][a-z]{3}$`)

// Code returns the FLORES-200 code, such as "deu_Latn", of a language: an ISO 639-1 or ISO 639-3 code, a BCP 47 tag, a locale of POSIX
// ("pt_BR.UTF-8") or the FLORES-200 code itself. The error is ErrUnknown.
func Code(name string) (string, error) {
	if flores.MatchString(name) && slices.Contains(floresCodes, name) {
		return name, nil
	}
	name, _, _ = strings.Cut(name, ".")
	name, _, _ = strings.Cut(name, "@")
	tag, err := language.Parse(name)
	if err != nil {
		return "", fmt.Errorf("%w %q", ErrUnknown, name)
	}
	base, _ := tag.Base()
	script, _ := tag.Script()
	iso, subtag := base.ISO3(), script.String()
	if iso == "kur" && subtag == "Arab" { // Sorani; Kurmanji is written in Latin
		iso = "ckb"
	}
	if one, ok := individual[iso]; ok {
		iso = one
	}
	if other, ok := scripts[subtag]; ok {
		subtag = other
	}
	if code := iso + "_" + subtag; slices.Contains(floresCodes, code) {
		return code, nil
	}
	// If FLORES-200 has the language in only one script, use that one.
	var only []string
	for _, code := range floresCodes {
		if strings.HasPrefix(code, iso+"_") {
			only = append(only, code)
		}
	}
	if _, confidence := tag.Script(); len(only) == 1 && confidence != language.Exact {
		return only[0], nil
	}
	return "", fmt.Errorf("%w %q", ErrUnknown, name)
}

// Codes returns the ISO 639-1 codes of the languages that Code supports.
func Codes() []string {
	var codes []string
	for first := 'a'; first <= 'z'; first++ {
		for second := 'a'; second <= 'z'; second++ {
			iso := string([]rune{first, second})
			if tag, err := language.Parse(iso); err != nil || tag.String() != iso { // an old name of another code, such as iw
				continue
			}
			if _, err := Code(iso); err == nil {
				codes = append(codes, iso)
			}
		}
	}
	return codes
}

// FromEnvironment returns the user's locale, from the variables in POSIX's order. It is "" if none is set, or if the first one that is set
// does not name a language.
func FromEnvironment(env func(string) string) string {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if locale := env(name); locale != "" {
			if _, err := Code(locale); err != nil {
				return ""
			}
			return locale
		}
	}
	return ""
}
