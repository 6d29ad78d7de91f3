package decode

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"runtime/debug"
	"strings"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"
)

// Image is a decoded picture, read row by row as 8-bit RGB: transparency laid on white, 16 bit reduced by /257,
// CMYK converted. Rows are as stored; Orientation says how to turn them.
type Image struct {
	// Width and Height are in pixels as stored.
	Width, Height int
	// Orientation is EXIF's 1 to 8: 1 is upright.
	Orientation int

	row func(y int, rgb []byte)
}

// Row writes row y as 3*Width bytes of RGB. Calls may run at once, with different buffers.
func (m *Image) Row(y int, rgb []byte) { m.row(y, rgb[:3*m.Width]) }

// Decode decodes a whole file of the format that ReadHeader found. A panic of a decoder is an error like any other:
// it costs this file only.
func Decode(format Format, data []byte, orientation int) (m *Image, err error) {
	defer recoverPanic(&err)
	img, err := decodeFormat(format, data)
	if err != nil {
		return nil, fmt.Errorf("damaged %s: %w", format, tidy(err))
	}
	size := img.Bounds().Size()
	if size.X <= 0 || size.Y <= 0 {
		return nil, fmt.Errorf("damaged %s: the size is %d x %d", format, size.X, size.Y)
	}
	return &Image{Width: size.X, Height: size.Y, Orientation: orientation, row: rowReader(format, img)}, nil
}

func decodeFormat(format Format, data []byte) (image.Image, error) {
	r := bytes.NewReader(data)
	switch format {
	case JPEG:
		return decodeJPEG(data)
	case PNG:
		return png.Decode(r)
	case GIF:
		return decodeGIF(data)
	case BMP:
		return bmp.Decode(r)
	case TIFF:
		return tiff.Decode(r)
	case WebP:
		if isAnimatedWebP(data) {
			return decodeFirstWebPFrame(data)
		}
		return webp.Decode(r)
	}
	return nil, ErrUnsupported
}

// decodeJPEG decodes with the standard library. A four-channel file without Adobe's marker, which the library
// refuses, is read as inverted CMYK, as PIL and browsers do.
func decodeJPEG(data []byte) (image.Image, error) {
	img, err := jpeg.Decode(bytes.NewReader(data))
	if err != nil && strings.Contains(err.Error(), "Adobe APP14") {
		adobe := []byte{0xff, markerAPP14, 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, 0}
		return jpeg.Decode(io.MultiReader(bytes.NewReader(data[:2]), bytes.NewReader(adobe), bytes.NewReader(data[2:])))
	}
	return img, err
}

// decodeGIF lays the first frame on the logical screen, which it may cover only partly.
func decodeGIF(data []byte) (image.Image, error) {
	frame, err := gif.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	config, err := gif.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	screen := image.Rect(0, 0, config.Width, config.Height)
	if !frame.Bounds().In(screen) {
		return nil, errors.New("frame outside the screen")
	}
	return canvas{frame, frame.Bounds().Min, screen}, nil
}

func bytesPerPixel(c image.Config) int64 {
	switch c.ColorModel {
	case color.GrayModel:
		return 1
	case color.Gray16Model:
		return 2
	case color.RGBA64Model, color.NRGBA64Model:
		return 8
	}
	if _, ok := c.ColorModel.(color.Palette); ok {
		return 1
	}
	return 4
}

func recoverPanic(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("the decoder panicked: %v\n%s", p, debug.Stack())
	}
}

// tidy makes a decoder's error readable on its own: an early end of the data is a truncated file, and the decoders'
// names need not be said twice.
func tidy(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return errors.New("truncated")
	}
	text := err.Error()
	if strings.Contains(text, "short Huffman data") {
		return errors.New("truncated")
	}
	for _, prefix := range []string{"invalid JPEG format: ", "png: ", "gif: ", "bmp: ", "tiff: ", "webp: ", "riff: ", "vp8: ", "vp8l: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	if text != err.Error() {
		return errors.New(text)
	}
	return err
}
