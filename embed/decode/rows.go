package decode

import (
	"image"
	"image/color"

	"github.com/imgsearch/imgsearch/embed/decode/pixel"
)

// rowReader returns a function that writes one row of img as RGB, without converting the whole picture.
func rowReader(format Format, img image.Image) func(y int, rgb []byte) {
	switch m := img.(type) {
	case *image.YCbCr:
		if format == WebP {
			return ycbcrRows(m, studioToRGB)
		}
		return ycbcrRows(m, color.YCbCrToRGB)
	case *image.NYCbCrA: // WebP only
		return ycbcraRows(m)
	case canvas:
		return canvasRows(format, m)
	case *pixel.Picture:
		if m.Gray {
			return grayRows(m.Pix, m.Width)
		}
		return func(y int, rgb []byte) { copy(rgb, m.Pix[3*y*m.Width:]) }
	case *image.Gray:
		return grayRows(m.Pix, m.Stride)
	case *image.Gray16:
		return gray16Rows(m)
	case *image.NRGBA:
		return func(y int, rgb []byte) {
			row := m.Pix[y*m.Stride:]
			for x := range len(rgb) / 3 {
				p := row[4*x : 4*x+4 : 4*x+4]
				for c := range 3 {
					rgb[3*x+c] = pixel.OnWhite(p[c], uint32(p[3]))
				}
			}
		}
	case *image.RGBA: // premultiplied
		return func(y int, rgb []byte) {
			row := m.Pix[y*m.Stride:]
			for x := range len(rgb) / 3 {
				p := row[4*x : 4*x+4 : 4*x+4]
				for c := range 3 {
					rgb[3*x+c] = pixel.PremultipliedOnWhite(p[c], uint32(p[3]))
				}
			}
		}
	case *image.CMYK:
		return func(y int, rgb []byte) {
			row := m.Pix[y*m.Stride:]
			for x := range len(rgb) / 3 {
				p := row[4*x : 4*x+4 : 4*x+4]
				rgb[3*x], rgb[3*x+1], rgb[3*x+2] = color.CMYKToRGB(p[0], p[1], p[2], p[3])
			}
		}
	case *image.Paletted:
		return palettedRows(m)
	}
	return anyRows(img)
}

func grayRows(pix []byte, stride int) func(y int, rgb []byte) {
	return func(y int, rgb []byte) {
		row := pix[y*stride:]
		for x := range len(rgb) / 3 {
			v := row[x]
			rgb[3*x], rgb[3*x+1], rgb[3*x+2] = v, v, v
		}
	}
}

func gray16Rows(m *image.Gray16) func(y int, rgb []byte) {
	return func(y int, rgb []byte) {
		row := m.Pix[y*m.Stride:]
		for x := range len(rgb) / 3 {
			v := pixel.To8(uint32(row[2*x])<<8 | uint32(row[2*x+1]))
			rgb[3*x], rgb[3*x+1], rgb[3*x+2] = v, v, v
		}
	}
}

func ycbcraRows(m *image.NYCbCrA) func(y int, rgb []byte) {
	opaque := ycbcrRows(&m.YCbCr, studioToRGB)
	return func(y int, rgb []byte) {
		opaque(y, rgb)
		alpha := m.A[y*m.AStride:]
		for i, v := range rgb {
			rgb[i] = pixel.OnWhite(v, uint32(alpha[i/3]))
		}
	}
}

// anyRows reads the rarer image types, such as 64-bit ones, through their colour model.
func anyRows(img image.Image) func(y int, rgb []byte) {
	origin := img.Bounds().Min
	return func(y int, rgb []byte) {
		for x := range len(rgb) / 3 {
			rgb[3*x], rgb[3*x+1], rgb[3*x+2] = colorOnWhite(img.At(origin.X+x, origin.Y+y))
		}
	}
}

func palettedRows(m *image.Paletted) func(y int, rgb []byte) {
	var table [256][3]uint8 // an index beyond the palette is black, as in the standard library's At
	for i, c := range m.Palette {
		table[i][0], table[i][1], table[i][2] = colorOnWhite(c)
	}
	return func(y int, rgb []byte) {
		row := m.Pix[y*m.Stride:]
		for x := range len(rgb) / 3 {
			copy(rgb[3*x:3*x+3], table[row[x]][:])
		}
	}
}

// colorOnWhite blends one colour with white. 8-bit colours are rounded like NRGBA rows; 16-bit ones are
// divided by 257 first.
func colorOnWhite(c color.Color) (r, g, b uint8) {
	switch c := c.(type) {
	case color.NRGBA:
		a := uint32(c.A)
		return pixel.OnWhite(c.R, a), pixel.OnWhite(c.G, a), pixel.OnWhite(c.B, a)
	case color.NRGBA64:
		a := uint32(pixel.To8(uint32(c.A)))
		return pixel.OnWhite(pixel.To8(uint32(c.R)), a), pixel.OnWhite(pixel.To8(uint32(c.G)), a), pixel.OnWhite(pixel.To8(uint32(c.B)), a)
	}
	pr, pg, pb, a := c.RGBA()
	rest := 0xffff - a
	return pixel.To8(pr + rest), pixel.To8(pg + rest), pixel.To8(pb + rest)
}
