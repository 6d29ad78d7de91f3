// Package thumbnail makes small pictures of pictures, upright: for the index to keep, for a page, for the terminal.
package thumbnail

import (
	"bytes"
	"image"
	"image/jpeg"

	"github.com/imgsearch/imgsearch/embed/decode"
	"github.com/imgsearch/imgsearch/embed/preprocess"
)

// Side is the short side in pixels of the previews that an index keeps: enough for models of inputs up to it. A panorama's long
// side is at most maxRatio times that.
const (
	Side     = 448
	maxRatio = 4
)

// quality is the JPEG quality: of a preview of 448 pixels, 30 to 60 kB.
const quality = 80

// Box is the room for a picture in pixels: the most of its short and of its long side.
type Box struct{ Short, Long int }

// Preview is the box of what an index keeps.
var Preview = Box{Side, maxRatio * Side}

// fit is the size of a picture in the box; it is never enlarged.
func (b Box) fit(width, height int) (w, h int) {
	scale := min(1, float64(b.Short)/float64(min(width, height)), float64(b.Long)/float64(max(width, height)))
	return max(int(float64(width)*scale+0.5), 1), max(int(float64(height)*scale+0.5), 1)
}

// Of resizes a decoded picture into a box, and turns it upright.
func Of(img *decode.Image, box Box) *image.RGBA {
	width, height := box.fit(preprocess.Upright(img.Width, img.Height, img.Orientation))
	rgb := preprocess.Config{Width: width, Height: height, Mode: preprocess.Squash, Filter: preprocess.Bilinear}.Pixels(img)
	out := image.NewRGBA(image.Rect(0, 0, width, height))
	for i := range width * height {
		copy(out.Pix[4*i:], rgb[3*i:3*i+3])
		out.Pix[4*i+3] = 255
	}
	return out
}

// Read makes a small picture of a file's bytes. It is decoded no larger than it must be.
func Read(file []byte, box Box) (*image.RGBA, error) {
	h, err := decode.ReadHeader(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	w, ht := box.fit(h.Width, h.Height)
	short := min(w, ht)
	data := h.Select(file, short)
	img, err := h.Decode(data, h.Meta(bytes.NewReader(data)).Orientation, short)
	if err != nil {
		return nil, err
	}
	return Of(img, box), nil
}

// JPEG encodes a small picture.
func JPEG(img *image.RGBA) ([]byte, error) {
	var b bytes.Buffer
	err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality})
	return b.Bytes(), err
}
