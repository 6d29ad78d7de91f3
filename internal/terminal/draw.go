package terminal

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/jpeg"
	"strings"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/ansi/iterm2"
	"github.com/charmbracelet/x/ansi/kitty"
	"github.com/charmbracelet/x/ansi/sixel"
)

// put draws a picture at the cursor, and may move the cursor.
func (l layout) put(b *bytes.Buffer, img *image.RGBA, p Protocol) error {
	// Terminals that scale a picture to a number of rows keep its proportions. Rounding down keeps it within its tile even if a
	// character is more than twice as high as wide.
	rows := img.Rect.Dy() / l.cellHeight
	columns := max(img.Rect.Dx()/l.cellWidth, 1) // of a picture that is lower than a row
	switch p {
	case Kitty:
		o := &kitty.Options{
			Action: kitty.TransmitAndPut, Transmission: kitty.Direct, Format: kitty.PNG, Quiet: 2, Chunk: true, DoNotMoveCursor: true,
		}
		switch {
		case l.exact:
		case rows > 0:
			o.Rows = rows
		default:
			o.Columns = columns
		}
		if err := kitty.EncodeGraphics(b, img, o); err != nil {
			return fmt.Errorf("draw: %w", err)
		}
	case ITerm2:
		var data bytes.Buffer
		if err := jpeg.Encode(&data, img, &jpeg.Options{Quality: 85}); err != nil {
			return fmt.Errorf("draw: %w", err)
		}
		o := iterm2.File{Size: int64(data.Len()), Inline: true, Content: []byte(base64.StdEncoding.EncodeToString(data.Bytes()))}
		if rows > 0 {
			o.Height = iterm2.Cells(rows)
		} else {
			o.Width = iterm2.Cells(columns)
		}
		b.WriteString(ansi.ITerm2(o))
	case Sixel:
		var data bytes.Buffer
		if err := new(sixel.Encoder).Encode(&data, img); err != nil {
			return fmt.Errorf("draw: %w", err)
		}
		b.WriteString(ansi.SixelGraphics(0, 1, 0, data.Bytes()))
	case Blocks, None:
	}
	return nil
}

// drawBlocks draws a row of tiles with characters. Each shows two pixels: the upper one as the half block, the lower one as its
// background.
func (l layout) drawBlocks(b *bytes.Buffer, row []Tile, trueColor bool) {
	for y := range l.height(row) {
		for i, t := range row {
			drawn := 0
			if t.Image != nil && 2*y < t.Image.Rect.Dy() {
				drawn = min(t.Image.Rect.Dx(), l.columns)
				drawBlockRow(b, t.Image, y, drawn, trueColor)
			}
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", l.columns-drawn+gap))
			}
		}
		b.WriteByte('\n')
	}
}

// drawBlockRow draws the pixels 2y and 2y+1 of the first columns of a picture.
func drawBlockRow(b *bytes.Buffer, img *image.RGBA, y, columns int, trueColor bool) {
	r := img.Rect
	color := func(x, y int) ansi.Color {
		c := img.RGBAAt(x, y)
		if trueColor {
			return ansi.RGBColor{R: c.R, G: c.G, B: c.B}
		}
		return ansi.Convert256(c)
	}
	upper := r.Min.Y + 2*y
	for x := r.Min.X; x < r.Min.X+columns; x++ {
		style := ansi.Style{}.ForegroundColor(color(x, upper))
		if upper+1 < r.Max.Y {
			style = style.BackgroundColor(color(x, upper+1))
		}
		b.WriteString(style.String())
		b.WriteString("▀")
	}
	b.WriteString(ansi.ResetStyle)
}
