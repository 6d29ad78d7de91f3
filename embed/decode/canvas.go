package decode

import "image"

// canvas shows an animation's first frame within the animation's bounds, surrounded by white.
type canvas struct {
	image.Image                 // the frame; its bounds start at the origin or at place
	place       image.Point     // of the frame's top left corner on the canvas
	bounds      image.Rectangle // of the canvas
}

func (c canvas) Bounds() image.Rectangle { return c.bounds }

func canvasRows(format Format, c canvas) func(y int, rgb []byte) {
	frame := rowReader(format, c.Image)
	size := c.Image.Bounds().Size()
	return func(y int, rgb []byte) {
		for i := range rgb {
			rgb[i] = 255
		}
		if y >= c.place.Y && y < c.place.Y+size.Y {
			frame(y-c.place.Y, rgb[3*c.place.X:3*(c.place.X+size.X)])
		}
	}
}
