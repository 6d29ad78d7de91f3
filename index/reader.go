package index

import (
	"io"

	"github.com/imgsearch/imgsearch/index/store"
)

// Header is what a picture's first bytes say.
type Header struct {
	Format string
	// Width and Height are in pixels as stored.
	Width, Height int
	// DecodeBytes is the memory that decoding takes at its height.
	DecodeBytes int64
	// Extents are the parts of the file that are read; nil: all of it.
	Extents []Extent
}

// Extent is a part of a file, in bytes.
type Extent struct{ Offset, Length int64 }

// size is how much is read of a file of a size.
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

// Reader knows pictures. Its methods are called from many goroutines at once. An error that is a *ContentError is the
// file's own fault; any other comes from reading it.
type Reader interface {
	// Open recognises the format and reads the size, allocating nothing for the pixels. It does not keep r.
	Open(r io.ReadSeeker) (Source, error)
	// Sidecar reads what a sidecar says.
	Sidecar(data []byte) (store.OwnerMetadata, error)
	// MetaVersion goes up when Source.Meta and Sidecar read more than before.
	MetaVersion() int
	// TensorLen is the number of values of the vision tower's input.
	TensorLen() int
	// Version goes up when files that failed may be worth another try.
	Version() int
}

// Source is a picture file whose header has been read. Its data are those of the header's extents.
type Source interface {
	Header() Header
	// Meta reads what the file says of itself, from the file or from its data, and how the picture is turned: EXIF's 1 to 8.
	Meta(r Content) (store.Metadata, int)
	// Picture is what the picture is when it is turned so; its identity is left out.
	Picture(orientation int) store.Picture
	// Identity identifies the picture when it is turned so.
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
	// Damaged reports whether a part of the file is missing or wrong, and the picture is what there is.
	Damaged() bool
}

// Embedder is a loaded vision tower. Embed may be called from several goroutines at once.
type Embedder interface {
	// Batch is how many pictures a call should get, and how many calls should run at once.
	Batch() (size, parallel int)
	// Embed returns the vectors of n tensors that lie one after another.
	Embed(tensors []float32, n int) ([][]float32, error)
}
