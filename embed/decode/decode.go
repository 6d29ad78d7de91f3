package decode

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"io"
	"strings"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"

	"github.com/imgsearch/imgsearch/embed/decode/jpeg"
	"github.com/imgsearch/imgsearch/internal/caught"
)

// Image is a decoded picture, read row by row as 8-bit RGB: transparency laid on white, 16 bit reduced by /257,
// CMYK converted. Rows are as stored; Orientation says how to turn them.
type Image struct {
	// Width and Height are the picture's in pixels as stored. Of a damaged one Height is what is there.
	Width, Height int
	// Columns and Rows are those that Row gives: Width and Height, or fewer of a picture that was decoded at a smaller scale.
	Columns, Rows int
	// ExtentX and ExtentY are the picture's size in columns and rows, of which the last may be a part.
	ExtentX, ExtentY float64
	// Orientation is EXIF's 1 to 8: 1 is upright.
	Orientation int
	// Damaged tells that a part of the file is missing or wrong, and what is there was decoded.
	Damaged bool

	row func(y int, rgb []byte)
}

// Row writes row y as 3*Columns bytes of RGB. Calls may run at once, with different buffers.
func (m *Image) Row(y int, rgb []byte) { m.row(y, rgb[:3*m.Columns]) }

// Decode decodes the data of the header's Extents. A picture whose short side may be as small as minShort pixels (0: may not)
// is decoded at a smaller scale where the format gains by it; orientation is Meta's. A panic of a decoder is an error like
// any other: it costs this file only.
func (h Header) Decode(data []byte, orientation, minShort int) (m *Image, err error) {
	defer caught.Error(&err)
	return h.codec.decode(data, orientation, minShort)
}

func decodeJPEG(data []byte, orientation, minShort int) (*Image, error) {
	p, err := jpeg.Decode(data, minShort)
	if err != nil {
		return nil, tidyJPEG(err, "jpeg")
	}
	m := &Image{Width: p.Width, Height: p.Rows, Orientation: orientation, Damaged: p.Damaged, row: p.Row}
	m.Columns, m.Rows = p.Size()
	m.ExtentX, m.ExtentY = p.Extent()
	return m, nil
}

// tidyJPEG names what is damaged.
func tidyJPEG(err error, what string) error {
	if errors.Is(err, jpeg.ErrFormat) {
		return fmt.Errorf("damaged %s: %s", what, strings.TrimPrefix(err.Error(), jpeg.ErrFormat.Error()+": "))
	}
	return err
}

func decodeFormat(format Format, data []byte) (image.Image, error) {
	r := bytes.NewReader(data)
	switch format {
	case PNG:
		return png.Decode(r)
	case GIF:
		return decodeGIF(data)
	case BMP:
		return bmp.Decode(r)
	case TIFF:
		return tiff.Decode(r)
	case JXL:
		return decodeJXL(data)
	case WebP:
		if isAnimatedWebP(data) {
			return decodeFirstWebPFrame(data)
		}
		return webp.Decode(r)
	}
	return nil, ErrUnsupported
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

// tidy makes a decoder's error readable on its own: an early end of the data is a truncated file, and the decoders'
// names need not be said twice.
func tidy(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return errors.New("truncated")
	}
	text := err.Error()
	for _, prefix := range []string{"png: ", "gif: ", "bmp: ", "tiff: ", "webp: ", "riff: ", "vp8: ", "vp8l: ", "heic: ", "avif: ", "jpegxl: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	if text != err.Error() {
		return errors.New(text)
	}
	return err
}
