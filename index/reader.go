package index

import (
	"io"

	"github.com/imgsearch/imgsearch/index/store"
)

// Header is the information in a picture's first bytes.
type Header struct {
	Format string
	// Width and Height are in pixels as stored.
	Width, Height int
	// DecodeBytes is the peak memory of decoding.
	DecodeBytes int64
	// Extents are the parts of the file that are read; nil: all of it.
	Extents []Extent
}

// Extent is a part of a file, in bytes.
type Extent struct{ Offset, Length int64 }

// size returns how many bytes are read of a file of the given size.
func (h Header) size(file int64) int64 {
	if h.Extents == nil {
		return file
	}
	var n int64
	for _, e := range h.Extents {
		n += e.Length
	}
	return n
}

// Reader reads pictures. Its methods are called from many goroutines at once. A *ContentError is the
// file's own fault; any other error comes from reading it.
type Reader interface {
	// Open recognises the format and reads the size, allocating nothing for the pixels. It does not keep r.
	Open(r io.ReadSeeker) (Source, error)
	// Sidecar parses a sidecar.
	Sidecar(data []byte) (store.Metadata, error)
	// Export parses the JSON that an export wrote about a picture, whose file has a name; Album that about its folder.
	Export(name string, data []byte) (store.Metadata, error)
	Album(data []byte) (store.Metadata, error)
	// MetaVersion goes up when Source.Meta, Sidecar, Export and Album read more than before.
	MetaVersion() int
	// TensorLen is the number of values of the vision tower's input.
	TensorLen() int
	// Version goes up when files that failed may be worth another try.
	Version() int
}

// Source is a picture file whose header has been read. Its data are the bytes of the header's extents.
type Source interface {
	Header() Header
	// Meta reads the metadata and the EXIF orientation (1 to 8), from the file or from its data.
	Meta(r Content) (store.Metadata, int)
	// Picture describes the picture in this orientation, without its identity.
	Picture(orientation int) store.Picture
	// Identity returns the identity of the picture in this orientation.
	Identity(data []byte, orientation int) store.PictureID
	// Decode decodes the picture.
	Decode(data []byte, orientation int) (Picture, error)
}

// Content is a file, or the parts of it that were read.
type Content interface {
	io.ReadSeeker
	io.ReaderAt
}

// Picture is a decoded picture.
type Picture interface {
	// Tensor writes the vision tower's input, of TensorLen values.
	Tensor(dst []float32)
	// Preview makes a small JPEG of it.
	Preview() ([]byte, error)
	// Damaged reports whether a part of the file is missing or wrong; the picture is then made from the rest.
	Damaged() bool
}

// Embedder is a loaded vision tower. Embed may be called from several goroutines at once.
type Embedder interface {
	// Batch returns how many pictures a call should get, and how many calls should run at once.
	Batch() (size, parallel int)
	// Embed returns the vectors of n consecutive tensors.
	Embed(tensors []float32, n int) ([][]float32, error)
}
