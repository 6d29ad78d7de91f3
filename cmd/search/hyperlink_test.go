package search

import (
	"strings"
	"testing"
)

func TestLinksFiles(t *testing.T) {
	for environment, want := range map[string]bool{
		"TERM=xterm-256color":                        false,
		"TERM=xterm-256color VTE_VERSION=7200":       true,
		"TERM=xterm-256color TERM_PROGRAM=iTerm.app": true,
		"TERM=xterm-kitty":                           true,
		"WT_SESSION=1":                               true,
		"TERM=dumb VTE_VERSION=7200":                 false,
		"TERM=xterm-kitty NO_COLOR=1":                false,
		"":                                           false,
	} {
		env := func(name string) string {
			for _, pair := range strings.Fields(environment) {
				if k, v, _ := strings.Cut(pair, "="); k == name {
					return v
				}
			}
			return ""
		}
		if got := linksFiles(env); got != want {
			t.Errorf("%q: %v", environment, got)
		}
	}
}

// TestHyperlink checks that special characters in a path are escaped, and that a path is plain text without a terminal.
func TestHyperlink(t *testing.T) {
	t.Setenv("TERM", "xterm-kitty")
	t.Setenv("NO_COLOR", "")
	if got := hyperlink(false, "/p/a b.jpg", "/p/a b.jpg"); got != "/p/a b.jpg" {
		t.Errorf("no terminal: %q", got)
	}
	got := hyperlink(true, "/p/a b%ä.jpg", "shown")
	if !strings.HasPrefix(got, "\x1b]8;;file://") || !strings.Contains(got, "/p/a%20b%25%C3%A4.jpg\x1b\\shown\x1b]8;;\x1b\\") {
		t.Errorf("%q", got)
	}
}
