package decode

import (
	"crypto/sha256"
	"fmt"
	"image"

	"github.com/imgsearch/imgsearch/embed/decode/jpeg"
	"github.com/imgsearch/imgsearch/embed/decode/meta"
	"github.com/imgsearch/imgsearch/embed/decode/pixel"
)

// codec decodes one format once its header has been read. To add a format, add a codec and a line where headers are read.
type codec interface {
	// extents returns the parts of the file that the other methods need if the short side may be as small as minShort; nil means the whole file.
	extents(minShort int) []Extent
	// memory returns the peak memory of decode in bytes, in addition to the file's own bytes.
	memory(minShort int) int64
	// pixels returns the number of pixels that decode returns.
	pixels(minShort int) int64
	// meta reads the picture's metadata.
	meta(r Source) Meta
	// identity returns the SHA-256 of the data that defines the picture.
	identity(data []byte, orientation int) [sha256.Size]byte
	// decode decodes the data of extents. The caller must recover from panics.
	decode(data []byte, orientation, minShort int) (*Image, error)
}

// whole implements extents and identity for codecs that read the whole file: two pictures are the same only if their files are.
type whole struct{}

func (whole) extents(int) []Extent { return nil }

func (whole) identity(data []byte, _ int) [sha256.Size]byte { return sha256.Sum256(data) }

// jpegCodec reads JPEG.
type jpegCodec struct {
	whole

	head jpeg.Header
}

func (c jpegCodec) memory(minShort int) int64 { return c.head.Memory(minShort) }

func (c jpegCodec) pixels(minShort int) int64 { return c.head.Pixels(minShort) }

func (c jpegCodec) meta(r Source) Meta { return combine(meta.ReadJPEG(r, sizeOf(r))) }

func (c jpegCodec) identity(data []byte, orientation int) [sha256.Size]byte {
	return jpegIdentity(data, orientation)
}

func (c jpegCodec) decode(data []byte, orientation, minShort int) (*Image, error) {
	return decodeJPEG(data, orientation, minShort)
}

// fixedCodec reads formats that are decoded at one size only.
type fixedCodec struct {
	whole

	format Format
	count  int64 // of pixels
	bytes  int64 // peak memory of decoding
	// image decodes the picture. upright means that EXIF's orientation is ignored: image turns the picture itself, or turn is the orientation.
	image   func(data []byte) (image.Image, error)
	upright bool
	turn    int
}

func (c fixedCodec) memory(int) int64 { return c.bytes }

func (c fixedCodec) pixels(int) int64 { return c.count }

func (c fixedCodec) meta(r Source) Meta {
	m := Meta{Orientation: 1}
	switch c.format {
	case PNG:
		m = combine(meta.ReadPNG(r, sizeOf(r)))
	case WebP:
		m = combine(meta.ReadWebP(r, sizeOf(r)))
	case TIFF:
		m = tiffMeta(r, sizeOf(r))
	case HEIC, AVIF:
		m = heifMeta(r)
	case JXL:
		m = jxlMeta(r)
	}
	if c.upright {
		m.Orientation = 1 // the file's own properties give the orientation; EXIF's copy is ignored
	}
	return m
}

func (c fixedCodec) decode(data []byte, orientation, _ int) (*Image, error) {
	img, err := c.image(data)
	if err != nil {
		return nil, fmt.Errorf("damaged %s: %w", c.format, tidy(err))
	}
	size := img.Bounds().Size()
	if size.X <= 0 || size.Y <= 0 {
		return nil, fmt.Errorf("damaged %s: the size is %d x %d", c.format, size.X, size.Y)
	}
	if c.upright {
		orientation = max(c.turn, 1)
	}
	part, _ := img.(*pixel.Picture)
	return &Image{
		Damaged: part != nil && part.Damaged, Width: size.X, Height: size.Y, Columns: size.X, Rows: size.Y, ExtentX: float64(size.X), ExtentY: float64(size.Y),
		Orientation: orientation, row: rowReader(c.format, img),
	}, nil
}

// rawCodec decodes camera raw files from their embedded previews.
type rawCodec struct{ file *rawFile }

func (c rawCodec) extents(minShort int) []Extent { return c.file.extents(minShort) }

func (c rawCodec) memory(minShort int) int64 { return c.file.chosen(minShort).head.Memory(minShort) }

func (c rawCodec) pixels(minShort int) int64 { return c.file.chosen(minShort).head.Pixels(minShort) }

func (c rawCodec) meta(Source) Meta { return c.file.meta }

func (c rawCodec) identity(data []byte, _ int) [sha256.Size]byte { return c.file.identity(data) }

func (c rawCodec) decode(data []byte, orientation, minShort int) (*Image, error) {
	return decodeJPEG(c.file.image(data, minShort), orientation, minShort)
}
