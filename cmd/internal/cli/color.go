package cli

import (
	"os"
	"path/filepath"
	"slices"

	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/pflag"

	"github.com/imgsearch/imgsearch/internal/terminal"
)

// Colors are the values of --color.
var Colors = []string{"auto", "always", "never"}

// AddColorFlag adds the flag.
func (p *Program) AddColorFlag(f *pflag.FlagSet) {
	f.StringVar(&p.color, "color", "auto", "use colour: `auto` (on a terminal, unless NO_COLOR is set), always or never")
}

// CheckColor rejects an unknown value of --color.
func (p *Program) CheckColor() error {
	if !slices.Contains(Colors, p.color) {
		return Usage("give auto, always or never", "--color %q", p.color)
	}
	return nil
}

// colors reports whether a stream takes colours.
func (p *Program) colors(escapes bool) bool {
	switch p.color {
	case "always":
		return true
	case "never":
		return false
	}
	return escapes && !terminal.IsPlain(os.Getenv)
}

// Links reports whether paths on Out may be links.
func (p *Program) Links() bool { return p.OutEscapes && p.color != "never" }

// Style is the look of a text by its meaning.
type Style int

// The styles.
const (
	Good Style = iota
	Doubtful
	Bad
	Name // a file's name
	Less // less important text
)

var styles = map[Style]ansi.Style{
	Good: ansi.NewStyle().ForegroundColor(ansi.Green), Doubtful: ansi.NewStyle().ForegroundColor(ansi.Yellow),
	Bad: ansi.NewStyle().ForegroundColor(ansi.Red), Name: ansi.NewStyle().Bold(), Less: ansi.NewStyle().Faint(),
}

// Styled styles a text for Out, if that takes colours.
func (p *Program) Styled(s Style, text string) string {
	if text == "" || !p.colors(p.OutEscapes) {
		return text
	}
	return styles[s].Styled(text)
}

// StyledPath styles a path for Out, with the file's name emphasised.
func (p *Program) StyledPath(path string) string {
	name := filepath.Base(path)
	folder := path[:max(len(path)-len(name), 0)]
	if folder+name != path {
		return path
	}
	return p.Styled(Less, folder) + p.Styled(Name, name)
}
