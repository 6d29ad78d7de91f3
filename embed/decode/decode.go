package decode

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"io"
	"strings"

	"golang.org/x/image/webp"

	"github.com/imgsearch/imgsearch/embed/decode/jpeg"
	"github.com/imgsearch/imgsearch/internal/caught"
)

// Image is a decoded picture, read row by row as 8-bit RGB: transparency is blended with white, 16-bit samples are divided
// by 257, and CMYK is converted. Rows are as stored; Orientation says how to turn them.
type Image struct {
	// Width and Height are the picture's size in pixels as stored. If the picture is damaged, Height counts only the decoded rows.
	Width, Height int
	// Columns and Rows are the size that Row works with: Width and Height, or less if the picture was decoded at a smaller scale.
	Columns, Rows int
	// ExtentX and ExtentY are the picture's exact size in columns and rows; the last column and row may be partial.
	ExtentX, ExtentY float64
	// Orientation is EXIF's 1 to 8: 1 is upright.
	Orientation int
	// Damaged reports whether part of the file is missing or wrong; the rest was decoded.
	Damaged bool

	row func(y int, rgb []byte)
}

// Row writes row y as 3*Columns bytes of RGB. It is safe for concurrent use with different buffers.
func (m *Image) Row(y int, rgb []byte) { m.row(y, rgb[:3*m.Columns]) }

// Decode decodes the data of the header's Extents. If minShort is not 0, formats that gain from it are decoded at a smaller scale
// whose short side is at least minShort pixels; orientation is Meta's. A panic in a decoder is returned as an error,
// so that it affects only this file.
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

// tidyJPEG rewords an error of the jpeg package so that it names what is damaged.
func tidyJPEG(err error, what string) error {
	if errors.Is(err, jpeg.ErrFormat) {
		return fmt.Errorf("damaged %s: %s", what, strings.TrimPrefix(err.Error(), jpeg.ErrFormat.Error()+": "))
	}
	return err
}

func decodeWebP(data []byte) (image.Image, error) {
	if isAnimatedWebP(data) {
		return decodeFirstWebPFrame(data)
	}
	return webp.Decode(bytes.NewReader(withoutFalseAlpha(data)))
}

// tidy makes a decoder's error readable on its own: it reports an early end of the data as a truncated file and removes
// the decoder's name, because the caller already names the format.
func tidy(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return errors.New("truncated")
	}
	text := err.Error()
	for _, prefix := range []string{"png: ", "gif: ", "bmp: ", "tiff: ", "webp: ", "riff: ", "vp8: ", "vp8l: ", "heic: ", "avif: ", "jpegxl: ", "ccitt: ", "zlib: ", "flate: ", "lzw: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	if text != err.Error() {
		return errors.New(text)
	}
	return err
}
