package cli

import (
	"os"
	"path/filepath"
	"slices"

	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/pflag"

	"github.com/imgsearch/imgsearch/internal/terminal"
)

// Colors are what --color takes.
var Colors = []string{"auto", "always", "never"}

// AddColorFlag adds the flag.
func (p *Program) AddColorFlag(f *pflag.FlagSet) {
	f.StringVar(&p.color, "color", "auto", "use colour: `auto` (on a terminal, unless NO_COLOR is set), always or never")
}

// CheckColor refuses a --color that there is not.
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

// Style is how a text looks that means something.
type Style int

// The styles.
const (
	Good Style = iota
	Doubtful
	Bad
	Name // of a file
	Less // what matters less
)

var styles = map[Style]ansi.Style{
	Good: ansi.NewStyle().ForegroundColor(ansi.Green), Doubtful: ansi.NewStyle().ForegroundColor(ansi.Yellow),
	Bad: ansi.NewStyle().ForegroundColor(ansi.Red), Name: ansi.NewStyle().Bold(), Less: ansi.NewStyle().Faint(),
}

// Styled is a text as it goes to Out, in a style where that takes colours.
func (p *Program) Styled(s Style, text string) string {
	if text == "" || !p.colors(p.OutEscapes) {
		return text
	}
	return styles[s].Styled(text)
}

// StyledPath is a path as it goes to Out: the name stands out from the folder.
func (p *Program) StyledPath(path string) string {
	name := filepath.Base(path)
	folder := path[:max(len(path)-len(name), 0)]
	if folder+name != path {
		return path
	}
	return p.Styled(Less, folder) + p.Styled(Name, name)
}
