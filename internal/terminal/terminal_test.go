package terminal_test

import (
	"strings"
	"testing"

	"github.com/imgsearch/imgsearch/internal/terminal"
)

func TestDetect(t *testing.T) {
	for _, c := range []struct {
		env  string
		want terminal.Protocol
	}{
		{"", terminal.None},
		{"TERM=dumb", terminal.None},
		{"WT_SESSION=1", terminal.Blocks},
		{"TERM=xterm-kitty NO_COLOR=1", terminal.None},
		{"TERM=xterm-kitty", terminal.Kitty},
		{"TERM=xterm-256color KONSOLE_VERSION=230800", terminal.Kitty},
		{"TERM=xterm-256color TERM_PROGRAM=iTerm.app", terminal.ITerm2},
		{"TERM=screen-256color TMUX=/tmp/x TERM_PROGRAM=iTerm.app", terminal.Blocks},
		{"TERM=foot-extra", terminal.Sixel},
		{"TERM=xterm-256color", terminal.Blocks},
	} {
		env := make(map[string]string)
		for _, one := range strings.Fields(c.env) {
			name, value, _ := strings.Cut(one, "=")
			env[name] = value
		}
		if got := terminal.Detect(func(name string) string { return env[name] }); got != c.want {
			t.Errorf("%s: %s, want %s", c.env, got, c.want)
		}
	}
}
