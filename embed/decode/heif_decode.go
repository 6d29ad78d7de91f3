package decode

import (
	"bytes"
	"image"

	"github.com/gen2brain/avif"
	"github.com/gen2brain/heic"
	"github.com/gen2brain/jpegxl"

	"github.com/imgsearch/imgsearch/embed/decode/libheif"
)

// codedPerPixel is the memory at the height of decoding HEIC, AVIF and JPEG XL, in bytes a pixel. Measured with the bundled
// decoder of HEIC, the largest memory of a process: 27 with 24 MP of 8 bits, 50 with 25 MP of 10 bits. Of the others no large
// sample was to be had; they count the same.
const codedPerPixel = 50

// rgbImage is three bytes a pixel, row by row without gaps.
type rgbImage struct {
	pix  []byte
	w, h int
	image.Image
}

// Bounds are the picture's size.
func (m *rgbImage) Bounds() image.Rectangle { return image.Rect(0, 0, m.w, m.h) }

func decodeAVIF(data []byte) (image.Image, error) { return avif.Decode(bytes.NewReader(data)) }

// decodeHEIC decodes through the system's libheif, some three times as fast as the decoder that is bundled as WebAssembly,
// which serves where the system has none, or one without a codec for the file. The embedded thumbnail is left alone: that of the only
// iPhone's file to be had, of 416 x 312, gives the built-in model a vector of cosine 0.959 to that of the full picture
// (docs/formats.md).
func decodeHEIC(data []byte) (image.Image, error) {
	pix, w, h, alpha, err := libheif.Decode(data)
	switch {
	case err != nil:
		return heic.Decode(bytes.NewReader(data))
	case alpha:
		return &image.NRGBA{Pix: pix, Stride: 4 * w, Rect: image.Rect(0, 0, w, h)}, nil
	}
	return &rgbImage{pix: pix, w: w, h: h}, nil
}

func decodeJXL(data []byte) (image.Image, error) { return jpegxl.Decode(bytes.NewReader(data)) }

// HEICDecoder names what decodes HEIC here.
func HEICDecoder() string {
	if v := libheif.Version(); v != "" {
		return "the system's libheif " + v
	}
	return "the bundled decoder (WebAssembly)"
}
