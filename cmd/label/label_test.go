package label

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// TestSubjects checks the built-in list.
func TestSubjects(t *testing.T) {
	names, err := parse(subjects)
	if err != nil || len(names) != 200 {
		t.Errorf("%d subjects, %v", len(names), err)
	}
}

func TestParse(t *testing.T) {
	names, err := parse("\ufeff# a list\n# " + strings.Repeat("x", 1<<17) + "\n# comment\n dog  on   beach\nCAT\r\ncat\n")
	if err != nil || !slices.Equal(names, []string{"dog on beach", "CAT"}) {
		t.Errorf("%q, %v", names, err)
	}
	for text, want := range map[string]error{
		"": errNoLabels, "#\n": errNoLabels, "\xff\n": errNotText, "a\x00b": errNotText, strings.Repeat("a", 201): errLongLabel, strings.Repeat("a", 1<<17): errLongLabel,
	} {
		if _, err := parse(text); !errors.Is(err, want) {
			t.Errorf("%.20q: %v, want %v", text, err, want)
		}
	}
}
