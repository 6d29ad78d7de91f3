package doctor

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"

	"github.com/imgsearch/imgsearch/embed/decode"
)

// sampleWebP is one red pixel, lossless: none of our libraries encodes the format.
const sampleWebP = "UklGRhwAAABXRUJQVlA4TA8AAAAvAAAAAAcQ/Y/+ByKi/wEA"

// checkDecoders encodes a picture in each format and decodes it.
func checkDecoders(_ context.Context, e *examination) {
	webp, err := base64.StdEncoding.DecodeString(sampleWebP)
	if err != nil {
		e.failErr("decoders", err)
		return
	}
	img := image.NewPaletted(image.Rect(0, 0, 8, 8), color.Palette{color.RGBA{255, 0, 0, 255}})
	samples := map[decode.Format][]byte{decode.WebP: webp}
	for format, encode := range map[decode.Format]func(*bytes.Buffer) error{
		decode.JPEG: func(b *bytes.Buffer) error { return jpeg.Encode(b, img, nil) },
		decode.PNG:  func(b *bytes.Buffer) error { return png.Encode(b, img) },
		decode.GIF:  func(b *bytes.Buffer) error { return gif.Encode(b, img, nil) },
		decode.BMP:  func(b *bytes.Buffer) error { return bmp.Encode(b, img) },
		decode.TIFF: func(b *bytes.Buffer) error { return tiff.Encode(b, img, nil) },
	} {
		var b bytes.Buffer
		if err := encode(&b); err != nil {
			e.failErr("decoders", err)
			return
		}
		samples[format] = b.Bytes()
	}
	for format, data := range samples {
		if err := readsRed(format, data); err != nil {
			e.fail("decoders", ReportBug, "%s: %v", format, err)
			return
		}
	}
	heic, err := decode.ReadHeader(bytes.NewReader(sampleHEIC))
	if err != nil {
		e.fail("decoders", ReportBug, "heic: %v", err)
		return
	}
	e.ok("decoders", "JPEG, PNG, GIF, BMP, TIFF and WebP work; HEIC with %s; AVIF and JPEG XL; camera raw files by their embedded previews", heic.Decoder().Name)
}

// readsRed decodes a sample, whose pixels are all red.
func readsRed(format decode.Format, data []byte) error {
	h, err := decode.ReadHeader(bytes.NewReader(data))
	if err != nil {
		return err
	}
	if h.Format != format {
		return fmt.Errorf("recognised as %s", h.Format)
	}
	m, err := h.Decode(data, 1, 0)
	if err != nil {
		return err
	}
	row := make([]byte, 3*m.Width)
	m.Row(0, row)
	if row[0] < 250 || row[1] > 5 || row[2] > 5 {
		return fmt.Errorf("red was decoded as %v", row[:3])
	}
	return nil
}
