package decode

import (
	"bytes"
	"image"

	"github.com/gen2brain/avif"
	"github.com/gen2brain/heic"
	"github.com/gen2brain/jpegxl"

	"github.com/imgsearch/imgsearch/embed/decode/libheif"
	"github.com/imgsearch/imgsearch/embed/decode/pixel"
)

// codedPerPixel is the peak memory of decoding HEIC, AVIF and JPEG XL, in bytes per pixel. Measured with the bundled HEIC
// decoder as the peak memory of a process: 27 for 24 MP of 8 bits, 50 for 25 MP of 10 bits. No large samples of the other
// formats were available; they use the same value.
const codedPerPixel = 50

func decodeAVIF(data []byte) (image.Image, error) { return avif.Decode(bytes.NewReader(data)) }

// decodeHEIC decodes with the system's libheif, which is about three times as fast as the decoder that is bundled as WebAssembly.
// The bundled decoder is used if the system has no libheif, or one without a codec for the file. The embedded thumbnail is not used:
// in the only iPhone file available, the thumbnail of 416 x 312 gives a vector with a cosine of 0.959 to that of the full picture,
// with the built-in model (docs/formats.md).
func decodeHEIC(data []byte) (image.Image, error) {
	pix, w, h, alpha, err := libheif.Decode(data)
	switch {
	case err != nil:
		return heic.Decode(bytes.NewReader(data))
	case alpha:
		return &image.NRGBA{Pix: pix, Stride: 4 * w, Rect: image.Rect(0, 0, w, h)}, nil
	}
	return &pixel.Picture{Pix: pix, Width: w, Height: h}, nil
}

func decodeJXL(data []byte) (image.Image, error) { return jpegxl.Decode(bytes.NewReader(data)) }

// HEICDecoder returns the name of the decoder that is used for HEIC on this system.
func HEICDecoder() string {
	if v := libheif.Version(); v != "" {
		return "the system's libheif " + v
	}
	return "the bundled decoder (WebAssembly)"
}
