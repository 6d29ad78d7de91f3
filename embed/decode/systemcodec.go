package decode

import (
	"bytes"
	"errors"
	"fmt"
	"image"

	"github.com/gen2brain/avif"
	"github.com/gen2brain/heic"
	"github.com/gen2brain/jpegxl"

	"github.com/imgsearch/imgsearch/embed/decode/native"
)

// codedPerPixel is the peak memory of decoding HEIC and JPEG XL, in bytes per pixel, avifPerPixel that of AVIF. Measured with the bundled
// decoders as the peak memory of a process: HEIC 20 for 12 MP and 27 for 24 MP of 8 bits, 50 for 25 MP of 10 bits; JPEG XL 29 and AVIF 68 for 12 MP.
// The system's libraries take less.
const (
	codedPerPixel = 50
	avifPerPixel  = 72
)

// children decode with the system's libraries. There is one pool in a process, as there is one set of libraries on a system.
var children native.Pool

// UseChildren sets the program that runs as a child process, and its arguments, so that the system's libraries can be used.
func UseChildren(program string, args ...string) { children.Use(program, args...) }

// LibraryGivenUp is a notice: a library of the system has crashed so often that it is not used for a while.
type LibraryGivenUp struct{ Library string }

// Notify sets what to call with notices, from any goroutine.
func Notify(call func(notice any)) {
	children.OnGivenUp(func(library string) { call(LibraryGivenUp{library}) })
}

// StopChildren ends the child processes that wait for work.
func StopChildren() { children.Close() }

// systemCodec tries the system's libraries, in order, and then the decoder that is bundled as WebAssembly, which is many times slower, but
// always there. All of them run in child processes, whose memory and time are limited; only where none can be started, the bundled one
// runs in this process. A file that a library is not certain to read correctly is left to the next one. Embedded thumbnails are not used:
// in the only iPhone file available, the thumbnail of 416 x 312 gives a vector with a cosine of 0.959 to that of the full
// picture, with the built-in model (docs/formats.md).
type systemCodec struct {
	fixedCodec

	libraries []string
}

// bundledBase is the memory that a bundled decoder may take besides the picture's, in bytes. Measured: 1 MiB suffices, since compiling its
// code takes less than what native's limit adds for stacks.
const bundledBase = 64 << 20

func (c systemCodec) decode(data []byte, orientation, minShort int) (*Image, error) {
	job := native.Job{MinShort: minShort, MaxPixels: c.count, Memory: c.bytes, Data: data}
	for _, library := range c.libraries {
		job.Library = library
		if p, err := children.Decode(job); err == nil {
			return imageOf(p), nil
		}
	}
	job.Library, job.Last, job.Memory = bundled(c.format), true, c.bytes+bundledBase
	p, err := children.Decode(job)
	switch {
	case errors.Is(err, native.ErrNoChild):
		return c.fixedCodec.decode(data, orientation, minShort)
	case err != nil:
		return nil, fmt.Errorf("damaged %s: %w", c.format, err)
	}
	p.Orientation = max(c.turn, 1)
	return imageOf(p), nil
}

// imageOf returns a picture that a library decoded.
func imageOf(p native.Picture) *Image {
	m := &Image{Width: p.Width, Height: p.Height, Orientation: p.Orientation}
	m.Columns, m.Rows = p.Size()
	m.ExtentX, m.ExtentY = float64(p.Width)/float64(p.Scale), float64(p.Height)/float64(p.Scale)
	m.row = func(y int, rgb []byte) { copy(rgb, p.Pix[3*y*m.Columns:]) }
	return m
}

func decodeAVIF(data []byte) (image.Image, error) { return avif.Decode(bytes.NewReader(data)) }

// decodeHEIC tells the bundled decoder, which judges files by their major brand alone, that a file of another one is HEIC.
func decodeHEIC(data []byte) (image.Image, error) {
	if format, ok := brand(data); !ok || format != HEIC {
		data = bytes.Clone(data)
		copy(data[8:12], "heic")
	}
	return heic.Decode(bytes.NewReader(data))
}

func decodeJXL(data []byte) (image.Image, error) { return jpegxl.Decode(bytes.NewReader(data)) }

// Decoder is the decoder that is used for a format on this system.
type Decoder struct {
	// Name is the library's name and version, or that of the bundled decoder.
	Name string
	// Fastest reports whether it is the fastest one that could be used.
	Fastest bool
	// Passed says why faster ones are not used, one line each.
	Passed []string
}

// Decoder returns the first decoder that is tried for the picture's format.
func (h Header) Decoder() (d Decoder) {
	c, ok := h.codec.(systemCodec)
	if !ok {
		return Decoder{Name: "built in", Fastest: true}
	}
	for i, library := range c.libraries {
		version, err := children.Version(library)
		if err == nil {
			d.Name, d.Fastest = "the system's "+library+" "+version, i == 0
			return d
		}
		d.Passed = append(d.Passed, fmt.Sprintf("%s: %v", library, err))
	}
	d.Name = "the bundled decoder (WebAssembly)"
	return d
}
