package testkit

import (
	"image"
	"image/color"
	"image/draw"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
)

// Words returns a picture of lines of text, black on a light ground.
func Words(lines ...string) (image.Image, error) {
	const size, margin = 44, 40
	parsed, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return nil, err
	}
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: size, DPI: 72})
	if err != nil {
		return nil, err
	}
	img := image.NewRGBA(image.Rect(0, 0, 800, max(600, 2*margin+2*size*len(lines))))
	draw.Draw(img, img.Bounds(), image.NewUniform(color.RGBA{235, 232, 220, 255}), image.Point{}, draw.Src)
	for i, line := range lines {
		d := font.Drawer{Dst: img, Src: image.Black, Face: face, Dot: fixed.P(margin, margin+size+2*size*i)}
		d.DrawString(line)
	}
	return img, nil
}
