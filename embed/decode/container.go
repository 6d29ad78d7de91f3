package decode

import (
	"errors"
	"fmt"
	"image"

	"github.com/imgsearch/imgsearch/embed/decode/bmp"
	"github.com/imgsearch/imgsearch/embed/decode/gif"
	"github.com/imgsearch/imgsearch/embed/decode/pixel"
	"github.com/imgsearch/imgsearch/embed/decode/png"
	"github.com/imgsearch/imgsearch/embed/decode/tiff"
)

// readContainer reads the header of a format whose parts may be anywhere in the file.
func readContainer(format Format, in *sourceReader) (h Header, err error) {
	h.Format = format
	size, err := in.size()
	if err != nil {
		return h, err
	}
	switch format {
	case HEIC, AVIF:
		return readHEIFHeader(in, size)
	case JXL:
		h.Width, h.Height, err = readJXL(in, size)
		h.codec = systemCodec{fixedCodec{format: JXL, count: h.Pixels(), bytes: h.Pixels() * codedPerPixel, image: decodeJXL, upright: true}, []string{libJXL}}
		return h, damagedHeader(JXL, h, err)
	}
	var raw *rawFile
	switch format {
	case CR3:
		raw, err = readCR3(in, size)
	case RAF:
		raw, err = readRAF(in, size)
	default:
		var isRaw bool
		if raw, h.Format, isRaw, err = readTIFFRaw(in, size, format == rawTIFF); !isRaw {
			return readTIFFHeader(in, size)
		}
	}
	if h.Format == "" {
		h.Format = format
	}
	if err != nil {
		return h, damagedRaw(h.Format, err)
	}
	h.Width, h.Height, h.codec = raw.width, raw.height, rawCodec{raw}
	return h, nil
}

// maxSide bounds a picture's sides, so that the number of its pixels does not overflow.
const maxSide = 1 << 29

// damagedHeader returns an error that says what is wrong with a header, or nil if it is valid.
func damagedHeader(format Format, h Header, err error) error {
	switch {
	case err != nil:
		return fmt.Errorf("damaged %s header: %w", format, tidy(err))
	case h.Width <= 0 || h.Height <= 0 || h.Width > maxSide || h.Height > maxSide:
		return fmt.Errorf("damaged %s header: the size is %d x %d", format, h.Width, h.Height)
	}
	return nil
}

func readTIFFHeader(in *sourceReader, size int64) (h Header, err error) {
	h = Header{Format: TIFF}
	if j, ok := readJPEGTIFF(in, size); ok {
		h.Width, h.Height = j.width, j.height
		h.codec = fixedCodec{format: TIFF, count: h.Pixels(), bytes: h.Pixels() * jpegTIFFPerPixel, image: j.decode}
		return h, damagedHeader(TIFF, h, nil)
	}
	l, err := tiff.Read(in, size)
	return pictureHeader(TIFF, l.Width, l.Height, l.Memory(), l.Decode, err)
}

func readPNGHeader(in *sourceReader) (Header, error) {
	h, err := png.ReadHeader(in)
	return pictureHeader(PNG, h.Width, h.Height, h.Memory(), png.Decode, err)
}

func readGIFHeader(in *sourceReader) (Header, error) {
	h, err := gif.ReadHeader(in)
	return pictureHeader(GIF, h.Width, h.Height, h.Memory(), gif.Decode, err)
}

func readBMPHeader(in *sourceReader) (Header, error) {
	h, err := bmp.ReadHeader(in)
	return pictureHeader(BMP, h.Width, h.Height, h.Memory(), bmp.Decode, err)
}

// pictureHeader returns the Header of a format whose decoder returns a pixel.Picture. err is the error of reading the format's own header.
func pictureHeader(format Format, w, h int, memory int64, decode func([]byte) (*pixel.Picture, error), err error) (Header, error) {
	if isUnsupported(err) {
		return Header{Format: format}, fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	head := Header{Format: format, Width: w, Height: h}
	head.codec = fixedCodec{format: format, count: head.Pixels(), bytes: memory, image: func(data []byte) (image.Image, error) { return decode(data) }}
	return head, damagedHeader(format, head, err)
}

// isUnsupported reports whether err is about a variant of a format that its decoder does not know.
func isUnsupported(err error) bool {
	_, inTIFF := errors.AsType[*tiff.UnsupportedError](err)
	_, inBMP := errors.AsType[*bmp.UnsupportedError](err)
	return inTIFF || inBMP
}

func readHEIFHeader(in *sourceReader, size int64) (h Header, err error) {
	h = Header{Format: HEIC}
	file, isAV1, err := readHEIF(in, size)
	if errors.Is(err, errNoPicture) {
		return h, fmt.Errorf("%w: HEIF file without a still picture", ErrUnsupported)
	}
	if err != nil {
		return h, damagedHeader(HEIC, h, err)
	}
	h.Width, h.Height = file.primary.width, file.primary.height
	if err := damagedHeader(HEIC, Header{Width: file.primary.codedWidth, Height: file.primary.codedHeight}, nil); err != nil {
		return h, err
	}
	// The bundled HEIC decoder applies the file's rotation and mirroring; the AVIF decoder does not.
	bundled := fixedCodec{format: HEIC, count: file.primary.coded, bytes: file.primary.coded * codedPerPixel, image: decodeHEIC, upright: true}
	libraries := []string{libavcodec, libHEIF}
	if isAV1 {
		bundled.format, bundled.image, bundled.turn, bundled.bytes = AVIF, decodeAVIF, file.primary.turn, file.primary.coded*avifPerPixel
		libraries = []string{libavcodecAV1, libHEIF}
	}
	h.Format, h.codec = bundled.format, systemCodec{bundled, libraries}
	// The size is that of the upright picture: the file's own properties give the orientation, not EXIF.
	if file.primary.turned() {
		h.Width, h.Height = h.Height, h.Width
	}
	return h, nil
}
