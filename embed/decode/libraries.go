package decode

import (
	"fmt"

	"github.com/imgsearch/imgsearch/embed/decode/libheif"
	"github.com/imgsearch/imgsearch/embed/decode/libjxl"
	"github.com/imgsearch/imgsearch/embed/decode/native"
	"github.com/imgsearch/imgsearch/embed/decode/pixel"
)

// The system's libraries, which a child process opens.
const (
	libavcodec    = "libavcodec"
	libHEIF       = "libheif"
	libavcodecAV1 = "libavcodec with libdav1d"
	libJXL        = "libjxl"
)

// Libraries returns the libraries that a child process decodes with (native.Serve).
func Libraries() map[string]native.Library {
	tile := func(codec string) native.Library {
		return native.Library{
			Version: func() (string, error) { return tileDecoderVersion(codec) },
			Decode:  func(j native.Job) (native.Picture, error) { return decodeTiles(codec, j) },
		}
	}
	return map[string]native.Library{
		libavcodec:    tile("hevc"),
		libavcodecAV1: tile("libdav1d"),
		libHEIF:       {Version: heifVersion, Decode: decodeLibheif},
		libJXL:        {Version: jxlVersion, Decode: decodeLibjxl},
	}
}

func heifVersion() (string, error) {
	if v := libheif.Version(); v != "" {
		return v, nil
	}
	return "", native.ErrMissing
}

// decodeLibheif decodes a file with libheif and reduces the picture.
func decodeLibheif(j native.Job) (out native.Picture, err error) {
	err = libheif.Decode(j.Data, func(p libheif.Picture) error {
		if int64(p.Width)*int64(p.Height) > j.MaxPixels {
			return ErrTooLarge
		}
		out = native.Picture{Width: p.Width, Height: p.Height, Scale: native.ScaleFor(p.Width, p.Height, j.MinShort), Orientation: 1}
		row := func(y int) []byte { return p.Pix[y*p.Stride:][:p.Width*p.Channels] }
		out.Pix = pixel.Reduce(p.Width, p.Height, p.Channels, out.Scale, row)
		return nil
	})
	return out, err
}

func jxlVersion() (string, error) {
	v, err := libjxl.Version()
	if err != nil {
		err = fmt.Errorf("%w: %w", native.ErrMissing, err)
	}
	return v, err
}

// decodeLibjxl decodes a JPEG XL file and reduces the picture.
func decodeLibjxl(j native.Job) (out native.Picture, err error) {
	p, err := libjxl.Decode(j.Data, j.MaxPixels)
	if err != nil {
		return out, err
	}
	out = native.Picture{Width: p.Width, Height: p.Height, Scale: native.ScaleFor(p.Width, p.Height, j.MinShort), Orientation: 1}
	out.Pix = pixel.Reduce(p.Width, p.Height, 4, out.Scale, func(y int) []byte { return p.Pix[4*y*p.Width:][:4*p.Width] })
	return out, nil
}
