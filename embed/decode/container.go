package decode

import (
	"errors"
	"fmt"
	"image"

	"github.com/imgsearch/imgsearch/embed/decode/bmp"
	"github.com/imgsearch/imgsearch/embed/decode/gif"
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
		h.codec = fixedCodec{format: JXL, count: h.Pixels(), bytes: h.Pixels() * codedPerPixel, image: decodeJXL, upright: true}
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

// damagedHeader returns an error that says what is wrong with a header, or nil if it is valid.
func damagedHeader(format Format, h Header, err error) error {
	switch {
	case err != nil:
		return fmt.Errorf("damaged %s header: %w", format, tidy(err))
	case h.Width <= 0 || h.Height <= 0:
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
	if e, ok := errors.AsType[*tiff.UnsupportedError](err); ok {
		return h, fmt.Errorf("%w: %w", ErrUnsupported, e)
	}
	h.Width, h.Height = l.Width, l.Height
	h.codec = fixedCodec{format: TIFF, count: h.Pixels(), bytes: l.Memory(), image: func(data []byte) (image.Image, error) {
		p, err := l.Decode(data)
		if err != nil {
			return nil, err
		}
		return &rgbImage{w: p.Width, h: p.Height, pix: p.Pix, gray: p.Gray}, nil
	}}
	return h, damagedHeader(TIFF, h, err)
}

func readPNGHeader(in *sourceReader) (h Header, err error) {
	h = Header{Format: PNG}
	head, err := png.ReadHeader(in)
	h.Width, h.Height = head.Width, head.Height
	h.codec = fixedCodec{format: PNG, count: h.Pixels(), bytes: head.Memory(), image: func(data []byte) (image.Image, error) {
		p, err := png.Decode(data)
		if err != nil {
			return nil, err
		}
		return &rgbImage{w: p.Width, h: p.Height, pix: p.Pix, gray: p.Gray, damaged: p.Damaged}, nil
	}}
	return h, damagedHeader(PNG, h, err)
}

func readGIFHeader(in *sourceReader) (h Header, err error) {
	h = Header{Format: GIF}
	head, err := gif.ReadHeader(in)
	h.Width, h.Height = head.Width, head.Height
	h.codec = fixedCodec{format: GIF, count: h.Pixels(), bytes: head.Memory(), image: func(data []byte) (image.Image, error) {
		p, err := gif.Decode(data)
		if err != nil {
			return nil, err
		}
		return &rgbImage{w: p.Width, h: p.Height, pix: p.Pix, damaged: p.Damaged}, nil
	}}
	return h, damagedHeader(GIF, h, err)
}

func readBMPHeader(in *sourceReader) (h Header, err error) {
	h = Header{Format: BMP}
	head, err := bmp.ReadHeader(in)
	if e, ok := errors.AsType[*bmp.UnsupportedError](err); ok {
		return h, fmt.Errorf("%w: %w", ErrUnsupported, e)
	}
	h.Width, h.Height = head.Width, head.Height
	h.codec = fixedCodec{format: BMP, count: h.Pixels(), bytes: head.Memory(), image: func(data []byte) (image.Image, error) {
		p, err := bmp.Decode(data)
		if err != nil {
			return nil, err
		}
		return &rgbImage{w: p.Width, h: p.Height, pix: p.Pix, damaged: p.Damaged}, nil
	}}
	return h, damagedHeader(BMP, h, err)
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
	// The HEIC decoder applies the file's rotation and mirroring; the AVIF decoder does not.
	codec := fixedCodec{format: HEIC, count: file.primary.coded, bytes: file.primary.coded * codedPerPixel, image: decodeHEIC, upright: true}
	if isAV1 {
		codec.format, codec.image, codec.turn = AVIF, decodeAVIF, file.primary.turn
	}
	h.Format, h.codec = codec.format, codec
	// The size is that of the upright picture: the file's own properties give the orientation, not EXIF.
	if file.primary.turned() {
		h.Width, h.Height = h.Height, h.Width
	}
	return h, nil
}
