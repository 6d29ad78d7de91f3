package cli

import "testing"

func TestColors(t *testing.T) {
	t.Setenv("TERM", "xterm-256color")
	t.Setenv("NO_COLOR", "")
	for _, c := range []struct {
		color   string
		tty     bool
		noColor string
		want    bool
	}{
		{"auto", true, "", true}, {"auto", false, "", false}, {"auto", true, "1", false},
		{"always", false, "", true}, {"always", false, "1", true}, {"never", true, "", false},
	} {
		t.Setenv("NO_COLOR", c.noColor)
		p := New(Streams{OutTTY: c.tty, OutEscapes: c.tty})
		p.color = c.color
		if got := p.Styled(Bad, "x") != "x"; got != c.want {
			t.Errorf("--color %s, a terminal %v, NO_COLOR=%q: coloured %v", c.color, c.tty, c.noColor, got)
		}
		if links := p.Links(); links != (c.tty && c.color != "never") {
			t.Errorf("--color %s, a terminal %v: links %v", c.color, c.tty, links)
		}
	}
	t.Setenv("NO_COLOR", "")
	t.Setenv("TERM", "dumb")
	if p := New(Streams{OutTTY: true, OutEscapes: true}); p.Styled(Bad, "x") != "x" {
		t.Error("a dumb terminal gets colours")
	}
}

func TestHang(t *testing.T) {
	const text = "one two three four five six"
	terminal := func(tty bool, columns int) *Program {
		return New(Streams{OutTTY: tty, OutSize: TerminalSize{Columns: columns}})
	}
	if got, want := terminal(true, 25).Hang(5, text), "one two three four\n     five six"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	for _, p := range []*Program{terminal(false, 25), terminal(true, 0), terminal(true, 80), terminal(true, 10)} {
		if got := p.Hang(5, text); got != text {
			t.Errorf("%+v: %q, want one line", p.Streams, got)
		}
	}
	long := "/a/folder/whose/name/does/not/fit"
	if got, want := terminal(true, 30).Hang(5, "see "+long+" for more"), "see\n     "+long+"\n     for more"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestStyledPath(t *testing.T) {
	p := New(Streams{})
	p.color = "always"
	for path, want := range map[string]string{
		"/p/a.jpg": "\x1b[2m/p/\x1b[m\x1b[1ma.jpg\x1b[m", "a.jpg": "\x1b[1ma.jpg\x1b[m", "/p/": "/p/", "": "",
	} {
		if got := p.StyledPath(path); got != want {
			t.Errorf("%q: %q, want %q", path, got, want)
		}
	}
}
