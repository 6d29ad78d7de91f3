package decode

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"image"
	"io"

	"golang.org/x/image/webp"

	"github.com/imgsearch/imgsearch/embed/decode/jpeg"
	"github.com/imgsearch/imgsearch/internal/caught"
)

// Header describes a picture by its first bytes, before any memory is allocated for its pixels.
type Header struct {
	Format Format
	// Width and Height are in pixels as stored, before the EXIF orientation.
	Width, Height int

	codec codec
}

// Extent is a part of a file, in bytes.
type Extent struct{ Offset, Length int64 }

// Extents returns the parts of the file to read, in order, if the short side may be as small as minShort. Decode, Identity and
// Meta take the data of these parts. nil means the whole file.
func (h Header) Extents(minShort int) []Extent {
	return h.codec.extents(minShort)
}

// Pixels returns the number of pixels in the picture.
func (h Header) Pixels() int64 { return int64(h.Width) * int64(h.Height) }

// Select cuts the Extents out of a whole file in memory.
func (h Header) Select(file []byte, minShort int) []byte {
	if h.Extents(minShort) == nil {
		return file
	}
	data, _ := h.ReadExtents(bytes.NewReader(file), int64(len(file)), minShort) // reading from memory does not fail
	return data
}

// ReadExtents reads the Extents of a file of the given size. If the file is truncated, it returns the bytes that are present.
func (h Header) ReadExtents(r io.ReaderAt, size int64, minShort int) ([]byte, error) {
	extents := h.Extents(minShort)
	if extents == nil {
		extents = []Extent{{0, size}}
	}
	var data []byte
	for _, e := range extents {
		part := make([]byte, min(e.Length, max(size-e.Offset, 0)))
		n, err := r.ReadAt(part, e.Offset)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		data = append(data, part[:n]...)
	}
	return data, nil
}

// DecodeBytes estimates the peak memory of decoding, in addition to the file's own bytes, if the short side may be as small
// as minShort (see Decode).
func (h Header) DecodeBytes(minShort int) int64 {
	return h.codec.memory(minShort)
}

// DecodedPixels returns the number of pixels that Decode returns if the short side may be as small as minShort.
func (h Header) DecodedPixels(minShort int) int64 { return h.codec.pixels(minShort) }

// ReadHeader recognises the format and reads the size. An error from reading r is returned wrapped;
// any other error is about the content: ErrEmpty, ErrNotPicture, ErrUnsupported or a damaged header.
func ReadHeader(r io.ReadSeeker) (h Header, err error) {
	defer caught.Error(&err)
	in := &sourceReader{r: r}
	defer func() {
		// A decoder may hide the reader's error behind its own; the reader's error takes precedence.
		if in.err != nil {
			err = &readError{in.err}
		}
	}()
	head := make([]byte, SniffLen)
	n, err := io.ReadFull(in, head)
	if n == 0 && errors.Is(err, io.EOF) {
		return h, ErrEmpty
	}
	format, supported := Sniff(head[:n])
	switch {
	case format == "":
		return h, ErrNotPicture
	case !supported:
		return h, fmt.Errorf("%w: %s", ErrUnsupported, format)
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return h, &readError{err}
	}
	h = Header{Format: format}
	switch format {
	case HEIC, AVIF, JXL, TIFF, CR3, RAF, rawTIFF:
		return readContainer(format, in)
	}
	switch format {
	case PNG:
		return readPNGHeader(in)
	case BMP:
		return readBMPHeader(in)
	case GIF:
		return readGIFHeader(in)
	case JPEG:
		frame, err := jpeg.ReadHeader(in)
		if err != nil {
			return h, tidyJPEG(err, "jpeg header")
		}
		h.Width, h.Height, h.codec = frame.Width, frame.Height, jpegCodec{head: frame}
		return h, nil
	}
	return readWebPHeader(in)
}

// webpPerPixel is the largest number of bytes per pixel that the decoder was observed to allocate: planes or packed pixels.
const webpPerPixel = 8

func readWebPHeader(in *sourceReader) (Header, error) {
	config, err := decodeWebPConfig(bufio.NewReaderSize(in, 64<<10))
	h := Header{Format: WebP, Width: config.Width, Height: config.Height}
	h.codec = fixedCodec{format: WebP, count: h.Pixels(), bytes: h.Pixels() * webpPerPixel, image: decodeWebP}
	return h, damagedHeader(WebP, h, err)
}

// decodeWebPConfig reads the size. For an animation, which webp.DecodeConfig refuses, it returns the size of the canvas.
func decodeWebPConfig(r *bufio.Reader) (image.Config, error) {
	head, err := r.Peek(30)
	if err == nil && isAnimatedWebP(head) {
		w, h := canvasSize(head)
		return image.Config{Width: w, Height: h}, nil
	}
	return webp.DecodeConfig(r)
}

// readError is an error from reading the file, not an error in its content.
type readError struct{ err error }

func (e *readError) Error() string { return "read: " + e.err.Error() }
func (e *readError) Unwrap() error { return e.err }

// IsReadError reports whether err came from reading the file, not from its content.
func IsReadError(err error) bool {
	_, ok := errors.AsType[*readError](err)
	return ok
}

// sourceReader records an error from reading the file, to distinguish it from an error in the content.
type sourceReader struct {
	r   io.ReadSeeker
	err error
}

// size returns the file's size.
func (s *sourceReader) size() (int64, error) {
	n, err := s.r.Seek(0, io.SeekEnd)
	if err != nil {
		s.err = err
	}
	return n, err
}

// ReadAt reads at an offset without reading what precedes it: a TIFF's directory may be at the end of a large file.
func (s *sourceReader) ReadAt(p []byte, off int64) (int, error) {
	if _, err := s.r.Seek(off, io.SeekStart); err != nil {
		s.err = err
		return 0, err
	}
	n, err := io.ReadFull(s, p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}

func (s *sourceReader) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}
