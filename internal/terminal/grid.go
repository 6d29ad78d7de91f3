package terminal

import (
	"bytes"
	"image"
	"io"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// Tile is a picture of a grid with a line of text below it.
type Tile struct {
	Image   *image.RGBA // nil: only the caption is printed
	Caption string
}

// Screen is a terminal to draw on.
type Screen struct {
	Protocol Protocol
	// Columns and Rows are the terminal's size in characters. 0 is an unknown size: 80 columns, and rows without a limit.
	Columns, Rows int
	// CellWidth and CellHeight are the size of a character in pixels. 0 is an unknown size.
	CellWidth, CellHeight int
	// TrueColor reports 24 bits of colour. Blocks use 256 colours otherwise.
	TrueColor bool
}

const (
	defaultColumns = 80
	gap            = 2 // columns between tiles
	captionRows    = 1
)

// The size of a character in pixels if the terminal does not report it: that of DEC's sixel terminals. Protocols that let the terminal
// scale pictures get twice as many pixels, for high-density screens.
const defaultCellWidth, defaultCellHeight = 10, 20

// narrowest returns the least width of a tile in columns, if the terminal is that wide. Blocks show one pixel per column, so a photo
// needs more columns to be recognisable.
func (p Protocol) narrowest() int {
	if p == Blocks {
		return 36
	}
	return 24
}

// layout is the division of a screen into tiles.
type layout struct {
	perRow        int
	columns, rows int // of one picture, in characters
	cellWidth     int // of one character, in pixels of the picture
	cellHeight    int
	exact         bool // the terminal has reported the size of a character
}

func (s Screen) layout() layout {
	width := s.Columns
	if width <= 0 {
		width = defaultColumns
	}
	l := layout{perRow: max((width+gap)/(s.Protocol.narrowest()+gap), 1)}
	l.columns = max((width-gap*(l.perRow-1))/l.perRow, 1)
	switch {
	case s.Protocol == Blocks:
		l.cellWidth, l.cellHeight = 1, 2
	case s.CellWidth > 0 && s.CellHeight > 0:
		l.cellWidth, l.cellHeight, l.exact = s.CellWidth, s.CellHeight, true
	case s.Protocol == Sixel:
		l.cellWidth, l.cellHeight = defaultCellWidth, defaultCellHeight
	default:
		l.cellWidth, l.cellHeight = 2*defaultCellWidth, 2*defaultCellHeight
	}
	l.rows = max(l.columns*l.cellWidth*3/4/l.cellHeight, 1) // most photos are 4 x 3
	if s.Rows > 0 {
		l.rows = max(min(l.rows, s.Rows-captionRows-1), 1) // pictures of a row must not scroll
	}
	return l
}

// Box returns the size in pixels that the pictures of Draw must fit into.
func (s Screen) Box() (width, height int) {
	l := s.layout()
	return l.columns * l.cellWidth, l.rows * l.cellHeight
}

// Draw draws tiles from the start of the cursor's line, as many in a row as fit, and ends with a newline.
func (s Screen) Draw(w io.Writer, tiles []Tile) error {
	if s.Protocol == None {
		return nil
	}
	l := s.layout()
	var b bytes.Buffer
	for start := 0; start < len(tiles); start += l.perRow {
		row := tiles[start:min(start+l.perRow, len(tiles))]
		if start > 0 {
			b.WriteByte('\n')
		}
		var err error
		if s.Protocol == Blocks {
			l.drawBlocks(&b, row, s.TrueColor)
		} else {
			err = l.drawPixels(&b, row, s.Protocol)
		}
		if err != nil {
			return err
		}
		l.drawCaptions(&b, row)
	}
	_, err := w.Write(b.Bytes())
	return err
}

// height returns the height of the tallest picture in a row of tiles, in rows of characters.
func (l layout) height(row []Tile) int {
	rows := 0
	for _, t := range row {
		if t.Image != nil {
			rows = max(rows, (t.Image.Rect.Dy()+l.cellHeight-1)/l.cellHeight)
		}
	}
	return min(rows, l.rows)
}

// drawPixels draws a row of tiles with a protocol that puts a picture at the cursor. It prints the lines first, because near the bottom
// of the screen lines scroll it, and pictures do not.
func (l layout) drawPixels(b *bytes.Buffer, row []Tile, p Protocol) error {
	rows := l.height(row)
	if rows == 0 {
		return nil
	}
	b.WriteString(strings.Repeat("\n", rows+captionRows))
	b.WriteString(ansi.CursorUp(rows + captionRows))
	for i, t := range row {
		if t.Image == nil {
			continue
		}
		b.WriteByte('\r')
		if i > 0 {
			b.WriteString(ansi.CursorForward(i * (l.columns + gap)))
		}
		b.WriteString(ansi.SaveCursor)
		if err := l.put(b, t.Image, p); err != nil {
			return err
		}
		b.WriteString(ansi.RestoreCursor)
	}
	b.WriteByte('\r')
	b.WriteString(ansi.CursorDown(rows))
	return nil
}

func (l layout) drawCaptions(b *bytes.Buffer, row []Tile) {
	for i, t := range row {
		caption := ansi.Truncate(t.Caption, l.columns, "…")
		b.WriteString(caption)
		if i < len(row)-1 {
			b.WriteString(strings.Repeat(" ", max(l.columns-ansi.StringWidth(caption), 0)+gap))
		}
	}
	b.WriteByte('\n')
}
