package decode

import (
	"errors"
	"fmt"

	"golang.org/x/image/tiff"
)

// readContainer reads the header of a format whose parts lie anywhere in the file.
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
		h.perPixel = codedPerPixel
		h.Width, h.Height, err = readJXL(in, size)
		return h, damagedHeader(JXL, h, err)
	case CR3:
		h.raw, err = readCR3(in, size)
	case RAF:
		h.raw, err = readRAF(in, size)
	default:
		var isRaw bool
		if h.raw, h.Format, isRaw, err = readTIFFRaw(in, size, format == rawTIFF); !isRaw {
			return readTIFFHeader(in, size)
		}
	}
	if h.Format == "" {
		h.Format = format
	}
	if err != nil {
		return h, damagedRaw(h.Format, err)
	}
	h.Width, h.Height = h.raw.width, h.raw.height
	return h, nil
}

// damagedHeader names what is wrong with a header, if anything is.
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
		h.jpegTIFF, h.Width, h.Height, h.perPixel = &j, j.width, j.height, 6
		return h, damagedHeader(TIFF, h, nil)
	}
	config, err := tiff.DecodeConfig(in)
	h.Width, h.Height, h.perPixel = config.Width, config.Height, 2*bytesPerPixel(config)
	return h, damagedHeader(TIFF, h, err)
}

func readHEIFHeader(in *sourceReader, size int64) (h Header, err error) {
	h = Header{Format: HEIC, perPixel: codedPerPixel}
	file, isAV1, err := readHEIF(in, size)
	if errors.Is(err, errNoPicture) {
		return h, fmt.Errorf("%w: a HEIF file without a still picture", ErrUnsupported)
	}
	if err != nil {
		return h, damagedHeader(HEIC, h, err)
	}
	h.heif, h.Width, h.Height = file, file.primary.width, file.primary.height
	if isAV1 {
		h.Format = AVIF
	}
	// Upright: the file's own properties turn it, not EXIF.
	if file.primary.turned() {
		h.Width, h.Height = h.Height, h.Width
	}
	return h, nil
}
