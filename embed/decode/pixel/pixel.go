// Package pixel holds decoded pictures in 8 bits, on white, and the arithmetic that leads there. It must not know file formats.
package pixel

import (
	"image"
	"image/color"
)

// Picture is a decoded picture, on white.
type Picture struct {
	// Width is that of the file's header. Height is too, or less if the picture is damaged: only the rows that were decoded count.
	Width, Height int
	// Pix has Width x Height pixels, row by row without padding: one byte each if Gray is set, else red, green and blue.
	Pix  []byte
	Gray bool
	// Damaged says that a part is missing or wrong.
	Damaged bool
}

// ColorModel returns the model of the colours that At returns.
func (p *Picture) ColorModel() color.Model { return color.RGBAModel }

// Bounds returns the picture's size.
func (p *Picture) Bounds() image.Rectangle { return image.Rect(0, 0, p.Width, p.Height) }

// At returns the colour of one pixel.
func (p *Picture) At(x, y int) color.Color {
	i := y*p.Width + x
	if p.Gray {
		return color.RGBA{p.Pix[i], p.Pix[i], p.Pix[i], 255}
	}
	return color.RGBA{p.Pix[3*i], p.Pix[3*i+1], p.Pix[3*i+2], 255}
}

// OnWhite blends an 8-bit channel with white by its alpha of 0 to 255, rounded.
func OnWhite(v byte, alpha uint32) byte {
	return byte((uint32(v)*alpha + 255*(255-alpha) + 127) / 255)
}

// PremultipliedOnWhite blends an 8-bit channel that is multiplied by its alpha with white.
func PremultipliedOnWhite(v byte, alpha uint32) byte {
	return byte(min(uint32(v)+255-alpha, 255))
}

// To8 reduces 16 bits to 8 by dividing by 257, rounded.
func To8(v uint32) byte { return byte(min((v+128)/257, 255)) }
