package terminal_test

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/color"
	"image/jpeg"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi/kitty"
	"github.com/charmbracelet/x/ansi/sixel"

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

func testImage() *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, 4, 3))
	for y := range 3 {
		for x := range 4 {
			img.SetRGBA(x, y, color.RGBA{uint8(80 * y), uint8(60 * x), 200, 255})
		}
	}
	return img
}

func draw(t *testing.T, p terminal.Protocol, trueColor bool) string {
	t.Helper()
	var b bytes.Buffer
	if err := p.Draw(&b, testImage(), "  ", trueColor); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestDraw decodes what was drawn.
func TestDraw(t *testing.T) {
	size := image.Pt(4, 3)
	out := draw(t, terminal.Kitty, true)
	payload := strings.TrimSuffix(out[strings.Index(out, ";")+1:], "\x1b\\\n")
	data, err := base64.StdEncoding.DecodeString(payload)
	if err != nil {
		t.Fatalf("%q: %v", out, err)
	}
	img, err := (&kitty.Decoder{Format: kitty.PNG}).Decode(bytes.NewReader(data))
	if err != nil || img.Bounds().Size() != size || !strings.Contains(out, "r=1") {
		t.Errorf("kitty: %v, %q", err, out)
	}

	out = draw(t, terminal.ITerm2, true)
	_, payload, _ = strings.Cut(strings.TrimSuffix(out, "\x07\n"), ":")
	if data, err = base64.StdEncoding.DecodeString(payload); err != nil {
		t.Fatalf("%q: %v", out, err)
	}
	if img, err = jpeg.Decode(bytes.NewReader(data)); err != nil || img.Bounds().Size() != size || !strings.Contains(out, "inline=1") {
		t.Errorf("iterm2: %v, %q", err, out)
	}

	out = draw(t, terminal.Sixel, true)
	payload = strings.TrimSuffix(out[strings.Index(out, "q")+1:], "\x1b\\\n")
	if img, err = new(sixel.Decoder).Decode(strings.NewReader(payload)); err != nil || img.Bounds().Dx() != 4 {
		t.Errorf("sixel: %v, %q", err, out)
	}

	out = draw(t, terminal.Blocks, true)
	if strings.Count(out, "▀") != 8 || strings.Count(out, "\n") != 2 || !strings.Contains(out, "38;2;0;60;200") || !strings.Contains(out, "48;2;80;60;200") {
		t.Errorf("blocks: %q", out)
	}
	if out = draw(t, terminal.Blocks, false); strings.Contains(out, "38;2") || !strings.Contains(out, "38;5") {
		t.Errorf("blocks in 256 colours: %q", out)
	}
	if out = draw(t, terminal.None, true); out != "" {
		t.Errorf("none: %q", out)
	}
}
