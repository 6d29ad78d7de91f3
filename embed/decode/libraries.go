package decode

import (
	"fmt"
	"image"

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
		bundled(HEIC): bundledLibrary(HEIC, decodeHEIC),
		bundled(AVIF): bundledLibrary(AVIF, decodeAVIF),
		bundled(JXL):  bundledLibrary(JXL, decodeJXL),
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
		out, err = reduced(j, p.Width, p.Height, p.Channels, func(y int) []byte { return p.Pix[y*p.Stride:][:p.Width*p.Channels] })
		return err
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
	return reduced(j, p.Width, p.Height, 4, func(y int) []byte { return p.Pix[4*y*p.Width:][:4*p.Width] })
}

// reduced returns an upright picture of rows of RGB, or of RGBA if there are 4 channels, reduced as the job allows.
func reduced(j native.Job, width, height, channels int, row func(y int) []byte) (p native.Picture, err error) {
	if int64(width)*int64(height) > j.MaxPixels {
		return p, ErrTooLarge
	}
	p = native.Picture{Width: width, Height: height, Scale: native.ScaleFor(width, height, j.MinShort), Orientation: 1}
	p.Pix = pixel.Reduce(width, height, channels, p.Scale, row)
	return p, nil
}

// bundled returns the name of the decoder of a format that is bundled as WebAssembly.
func bundled(f Format) string { return "bundled " + string(f) }

// bundledLibrary makes a bundled decoder one of the libraries: WebAssembly cannot crash a process, but it takes whatever memory and time a
// file asks for.
func bundledLibrary(f Format, decode func([]byte) (image.Image, error)) native.Library {
	return native.Library{
		Version: func() (string, error) { return "WebAssembly", nil },
		Decode: func(j native.Job) (p native.Picture, err error) {
			img, err := decode(j.Data)
			if err != nil {
				return p, tidy(err)
			}
			size := img.Bounds().Size()
			row, write := make([]byte, 3*size.X), rowReader(f, img)
			return reduced(j, size.X, size.Y, 3, func(y int) []byte {
				write(y, row)
				return row
			})
		},
	}
}
