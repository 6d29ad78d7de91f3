// Package terminal draws small pictures in a terminal, by the protocol that it understands. It must not know where they come from.
package terminal

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"strings"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/ansi/iterm2"
	"github.com/charmbracelet/x/ansi/kitty"
	"github.com/charmbracelet/x/ansi/sixel"
)

// Protocol is a way to draw a picture.
type Protocol string

// The protocols.
const (
	None   Protocol = "none"
	Kitty  Protocol = "kitty"  // https://sw.kovidgoyal.net/kitty/graphics-protocol/
	ITerm2 Protocol = "iterm2" // https://iterm2.com/documentation-images.html
	Sixel  Protocol = "sixel"  // DEC's, VT3xx
	Blocks Protocol = "blocks" // two pixels a character cell, by its two colours: any terminal
)

// Protocols are those that draw.
var Protocols = []Protocol{Kitty, ITerm2, Sixel, Blocks}

// IsPlain tells by its environment that a terminal is to be given text alone: it asks for that, or does not say what it is. Windows
// Terminal says so by WT_SESSION: Windows has no TERM.
func IsPlain(env func(string) string) bool {
	return env("NO_COLOR") != "" || env("TERM") == "dumb" || env("TERM") == "" && env("WT_SESSION") == ""
}

// HasTrueColor tells by its environment that a terminal has 24 bits of colour.
func HasTrueColor(env func(string) string) bool {
	colors := strings.ToLower(env("COLORTERM"))
	return colors == "truecolor" || colors == "24bit" || env("WT_SESSION") != ""
}

// Detect tells the best protocol of a terminal by its environment. Where a multiplexer stands between, it is the blocks.
func Detect(env func(string) string) Protocol {
	if IsPlain(env) {
		return None
	}
	if env("TMUX") != "" || env("STY") != "" {
		return Blocks
	}
	term, program := env("TERM"), env("TERM_PROGRAM")
	switch {
	case env("KITTY_WINDOW_ID") != "", env("GHOSTTY_RESOURCES_DIR") != "", env("KONSOLE_VERSION") != "",
		term == "xterm-kitty", term == "xterm-ghostty", program == "ghostty":
		return Kitty
	case program == "iTerm.app", program == "WezTerm", program == "mintty", env("LC_TERMINAL") == "iTerm2":
		return ITerm2
	case strings.HasPrefix(term, "foot"), strings.HasPrefix(term, "mlterm"), strings.HasPrefix(term, "contour"):
		return Sixel
	}
	return Blocks
}

// Rows is the height of a picture in lines, Columns the most of its width.
func (p Protocol) Rows() int {
	if p == Blocks {
		return 12
	}
	return 8
}

// Columns is the most of a picture's width in characters.
const Columns = 60

// cellHeight and cellWidth are the pixels of a character cell where they cannot be asked: those of sixel's DEC terminals.
const cellWidth, cellHeight = 10, 20

// Pixels is the room that a picture should fit into: what Draw draws is as large as it.
func (p Protocol) Pixels() (width, height int) {
	switch p {
	case Blocks:
		return Columns, 2 * p.Rows()
	case Kitty, ITerm2: // they scale it, and some screens have two pixels for one
		return 2 * cellWidth * Columns, 2 * cellHeight * p.Rows()
	}
	return cellWidth * Columns, cellHeight * p.Rows()
}

// Draw draws a picture from the cursor on, indented, and ends with a new line. trueColor tells that the terminal has 24 bits of
// colour; else 256 colours are used where colours are what it is drawn with.
func (p Protocol) Draw(w io.Writer, img *image.RGBA, indent string, trueColor bool) error {
	var b bytes.Buffer
	switch p {
	case Kitty:
		b.WriteString(indent)
		rows := max(min(p.Rows(), (img.Rect.Dy()+2*cellHeight-1)/(2*cellHeight)), 1)
		if err := kitty.EncodeGraphics(&b, img, &kitty.Options{
			Action: kitty.TransmitAndPut, Transmission: kitty.Direct, Format: kitty.PNG, Quiet: 2, Chunk: true, Rows: rows,
		}); err != nil {
			return fmt.Errorf("draw: %w", err)
		}
		b.WriteByte('\n')
	case ITerm2:
		var data bytes.Buffer
		if err := jpeg.Encode(&data, img, &jpeg.Options{Quality: 85}); err != nil {
			return fmt.Errorf("draw: %w", err)
		}
		b.WriteString(indent)
		b.WriteString(ansi.ITerm2(iterm2.File{
			Size: int64(data.Len()), Height: iterm2.Cells(p.Rows()), Inline: true, Content: []byte(base64.StdEncoding.EncodeToString(data.Bytes())),
		}))
		b.WriteByte('\n')
	case Sixel:
		var data bytes.Buffer
		if err := new(sixel.Encoder).Encode(&data, img); err != nil {
			return fmt.Errorf("draw: %w", err)
		}
		b.WriteString(indent)
		b.WriteString(ansi.SixelGraphics(0, 1, 0, data.Bytes()))
		b.WriteByte('\n')
	case Blocks:
		drawBlocks(&b, img, indent, trueColor)
	case None:
	}
	_, err := w.Write(b.Bytes())
	return err
}

// drawBlocks draws two rows of pixels in one of characters: the upper half in the colour of the letter, the lower one in that of
// the ground.
func drawBlocks(b *bytes.Buffer, img *image.RGBA, indent string, trueColor bool) {
	color := func(x, y int) ansi.Color {
		c := img.RGBAAt(x, y)
		if trueColor {
			return ansi.RGBColor{R: c.R, G: c.G, B: c.B}
		}
		return ansi.Convert256(c)
	}
	r := img.Rect
	for y := r.Min.Y; y < r.Max.Y; y += 2 {
		b.WriteString(indent)
		for x := r.Min.X; x < r.Max.X; x++ {
			style := ansi.Style{}.ForegroundColor(color(x, y))
			if y+1 < r.Max.Y {
				style = style.BackgroundColor(color(x, y+1))
			}
			b.WriteString(style.String())
			b.WriteString("▀")
			if y+1 >= r.Max.Y {
				b.WriteString(ansi.ResetStyle)
			}
		}
		b.WriteString(ansi.ResetStyle)
		b.WriteByte('\n')
	}
}
