package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"
	"github.com/spf13/pflag"

	"github.com/imgsearch/imgsearch/internal/terminal"
)

// Colors are the values of --color.
var Colors = []string{"auto", "always", "never"}

// AddColorFlag adds --color.
func (p *Program) AddColorFlag(f *pflag.FlagSet) {
	f.StringVar(&p.color, "color", "auto", "use colour `WHEN`: auto (on a terminal, unless NO_COLOR is set), always or never")
}

// CheckColor rejects an unknown value of --color.
func (p *Program) CheckColor() error {
	if !slices.Contains(Colors, p.color) {
		return Usage("use auto, always or never", "invalid value for --color: %q", p.color)
	}
	return nil
}

// colors reports whether to colour a stream. escapes is whether the stream understands escape sequences.
func (p *Program) colors(escapes bool) bool {
	switch p.color {
	case "always":
		return true
	case "never":
		return false
	}
	return escapes && !terminal.IsPlain(os.Getenv)
}

// Links reports whether paths on Out may be hyperlinks.
func (p *Program) Links() bool { return p.OutEscapes && p.color != "never" }

// Style is how a text looks, chosen by its meaning.
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

// Styled styles a text for Out, if Out is coloured.
func (p *Program) Styled(s Style, text string) string {
	if text == "" || !p.colors(p.OutEscapes) {
		return text
	}
	return styles[s].Styled(text)
}

// leastHanging is the least width, in columns, to which Hang wraps text.
const leastHanging = 20

// Hang wraps text at spaces for the terminal at Out. The text starts in the given column, and so do further lines. If Out is not a
// terminal, the text stays on one line.
func (p *Program) Hang(column int, text string) string {
	width := p.OutSize.Columns - column
	if !p.OutTTY || width < leastHanging {
		return text
	}
	var b strings.Builder
	used := 0
	for word := range strings.SplitAfterSeq(text, " ") {
		n := ansi.StringWidth(strings.TrimRight(word, " "))
		if used > 0 && used+n > width {
			b.WriteString("\n" + strings.Repeat(" ", column))
			used = 0
		}
		b.WriteString(word)
		used += n + len(word) - len(strings.TrimRight(word, " "))
	}
	return strings.ReplaceAll(b.String(), " \n", "\n")
}

// StyledPath styles a path for Out, with the file name emphasised.
func (p *Program) StyledPath(path string) string {
	name := filepath.Base(path)
	folder := path[:max(len(path)-len(name), 0)]
	if folder+name != path {
		return path
	}
	return p.Styled(Less, folder) + p.Styled(Name, name)
}
