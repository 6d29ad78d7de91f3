package decode

import (
	"errors"
	"fmt"

	"github.com/imgsearch/imgsearch/embed/decode/lavc"
	"github.com/imgsearch/imgsearch/embed/decode/native"
	"github.com/imgsearch/imgsearch/embed/decode/yuv"
)

// tileDecoderVersion returns the version of libavcodec if it has a decoder.
func tileDecoderVersion(codec string) (string, error) {
	d, err := lavc.Open(codec, lavc.Options{MaxPixels: 1})
	if errors.Is(err, lavc.ErrMissing) {
		return "", fmt.Errorf("%w: %w", native.ErrMissing, err)
	}
	if err != nil {
		return "", err
	}
	d.Close()
	return lavc.Version()
}

// decodeTiles decodes the tiles of a HEIC or AVIF file straight into the reduced picture.
func decodeTiles(codec string, j native.Job) (p native.Picture, err error) {
	t, err := readHEIFTiles(j.Data)
	if err != nil {
		return p, err
	}
	if int64(t.width)*int64(t.height) > j.MaxPixels {
		return p, ErrTooLarge
	}
	if t.av1 != (codec == "libdav1d") {
		return p, errors.New("another codec")
	}
	scale := native.ScaleFor(t.width, t.height, j.MinShort)
	for scale > 1 && (t.columns > 1 && t.tileWidth%scale != 0 || t.rows > 1 && t.tileHeight%scale != 0) {
		scale /= 2
	}
	// The codecs pad a tile to whole blocks of at most 128 pixels.
	const block = 128
	d, err := lavc.Open(codec, lavc.Options{MaxPixels: int64(t.tileWidth+block) * int64(t.tileHeight+block), SkipLoopFilter: scale > 1})
	if err != nil {
		return p, err
	}
	defer d.Close()
	canvas := yuv.NewCanvas(t.width, t.height, scale)
	var buf []byte
	for i, data := range t.tiles {
		if !t.av1 {
			if buf, err = withStartCodes(buf[:0], data, t.nalSize); err != nil {
				return p, err
			}
			data = buf
		}
		f, err := d.Decode(t.config, data)
		if err != nil {
			return p, err
		}
		if f.Width != t.tileWidth || f.Height != t.tileHeight {
			return p, fmt.Errorf("tile of %d x %d, not %d x %d", f.Width, f.Height, t.tileWidth, t.tileHeight)
		}
		if i == 0 {
			if err := t.completeColor(d.Color()); err != nil {
				return p, err
			}
		}
		if err := canvas.Add(i%t.columns*t.tileWidth, i/t.columns*t.tileHeight, f); err != nil {
			return p, err
		}
	}
	p = native.Picture{Width: t.width, Height: t.height, Scale: scale, Orientation: t.turn}
	p.Pix, err = canvas.RGB(t.color)
	return p, err
}

// completeColor adds what the stream declares. As in libheif, the container comes first; without either, the range is full.
func (t *heifTiles) completeColor(inStream lavc.Range, matrix int) error {
	// Libraries disagree on a file that contradicts itself; libavcodec reports limited also for a stream that declares nothing.
	if t.hasColor && !t.color.Full && inStream == lavc.Full {
		return errors.New("the container and the stream declare different ranges")
	}
	if !t.hasColor {
		t.color.Full = inStream != lavc.Limited
	}
	if t.color.Matrix == 2 {
		t.color.Matrix = matrix
	}
	return nil
}
