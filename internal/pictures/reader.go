// Package pictures connects the pipeline with the decoders: it gives index a Reader that uses embed's codecs and a model's preprocessing,
// and reads single pictures in the same way. It must not know towers, stores or the command line.
package pictures

import (
	"errors"
	"io"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/decode"
	"github.com/imgsearch/imgsearch/embed/ocr"
	"github.com/imgsearch/imgsearch/embed/preprocess"
	"github.com/imgsearch/imgsearch/embed/thumbnail"
	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/store"
)

// Reader reads pictures for a model. The zero value identifies pictures but cannot decode them.
type Reader struct {
	Spec embed.Spec
	// Previews says that previews will be made, which may need more pixels than the model.
	Previews bool
	// Texts says that the text in the pictures will be read, which may need more pixels too.
	Texts bool
}

// minShort returns the least short side to decode a picture at, in pixels.
func (r Reader) minShort() int {
	short := r.Spec.Preprocess.MinShort()
	if r.Previews {
		short = max(short, thumbnail.Side)
	}
	if r.Texts {
		short = max(short, TextSide)
	}
	return short
}

// Open reads a picture's header.
func (r Reader) Open(in io.ReadSeeker) (index.Source, error) {
	h, err := decode.ReadHeader(in)
	if err != nil {
		return nil, blame(err)
	}
	return source{h, r.minShort(), r.Spec.Preprocess, r.Previews, r.Texts}, nil
}

// blame distinguishes errors in the content of a file from errors of the disk.
func blame(err error) error {
	switch {
	case decode.IsReadError(err):
		return err
	case errors.Is(err, decode.ErrNotPicture), errors.Is(err, decode.ErrEmpty):
		return &index.ContentError{Verdict: index.NotPicture, Err: err}
	case errors.Is(err, decode.ErrUnsupported):
		return &index.ContentError{Verdict: index.Unsupported, Err: err}
	}
	return &index.ContentError{Verdict: index.Broken, Err: err}
}

// Sidecar reads an XMP sidecar.
func (r Reader) Sidecar(data []byte) (store.Metadata, error) {
	m, err := decode.ReadXMP(data)
	return metadata(m), err
}

// Export reads Google Takeout's JSON about a picture, whose file has a name.
func (r Reader) Export(name string, data []byte) (store.Metadata, error) {
	return exported(decode.ReadTakeout(name, data))
}

// Album reads Google Takeout's JSON about an album.
func (r Reader) Album(data []byte) (store.Metadata, error) {
	return exported(decode.ReadTakeoutAlbum(data))
}

// exported converts what an export says to the index's form.
func exported(e decode.Export, err error) (store.Metadata, error) {
	m := store.Metadata{TakenAt: e.TakenAt, OwnerMetadata: store.OwnerMetadata(e.OwnerMetadata)}
	if e.TakenAt != "" {
		m.TakenSource = store.DateExport
	}
	if e.HasGPS {
		m.Position = &store.Position{Latitude: e.Latitude, Longitude: e.Longitude}
	}
	return m, err
}

// TensorLen returns the number of values in the vision tower's input.
func (r Reader) TensorLen() int { return r.Spec.Preprocess.TensorLen() }

// Version returns the version of the decoders.
func (r Reader) Version() int { return decode.Version }

// MetaVersion returns the version of the code that reads metadata.
func (r Reader) MetaVersion() int { return decode.MetaVersion }

// source is a picture whose header was read.
type source struct {
	header   decode.Header
	minShort int
	config   preprocess.Config
	previews bool
	texts    bool
}

func (s source) Header() index.Header {
	h := s.header
	out := index.Header{Format: string(h.Format), Width: h.Width, Height: h.Height, DecodeBytes: h.DecodeBytes(s.minShort)}
	if s.previews {
		out.DecodeBytes += thumbnail.Bytes(h.DecodedPixels(s.minShort))
	}
	if s.texts {
		out.DecodeBytes += ocr.Bytes(h.DecodedPixels(s.minShort))
	}
	for _, e := range h.Extents(s.minShort) {
		out.Extents = append(out.Extents, index.Extent(e))
	}
	return out
}

func (s source) Meta(r index.Content) (store.Metadata, int) {
	meta := s.header.Meta(r)
	return metadata(meta), meta.Orientation
}

// metadata converts metadata to the index's form.
func metadata(meta decode.Meta) store.Metadata {
	m := store.Metadata{
		TakenAt: meta.TakenAt, TakenSource: dateSources[meta.TakenFrom], Camera: meta.Camera, Lens: meta.Lens,
		OwnerMetadata: store.OwnerMetadata(meta.OwnerMetadata),
	}
	if meta.HasGPS {
		m.Position = &store.Position{Latitude: meta.Latitude, Longitude: meta.Longitude}
	}
	return m
}

// dateSources are the index's names for the tags that dates come from.
var dateSources = map[decode.DateTag]store.DateSource{
	decode.DateTimeOriginal: store.DateOriginal, decode.DateTimeDigitized: store.DateDigitized, decode.XMPDate: store.DateXMP, decode.ModifyDate: store.DateModified,
}

func (s source) Picture(orientation int) store.Picture {
	width, height := preprocess.Upright(s.header.Width, s.header.Height, orientation)
	return store.Picture{Format: string(s.header.Format), Width: width, Height: height, Orientation: orientation}
}

func (s source) Identity(data []byte, orientation int) store.PictureID {
	return s.header.Identity(data, orientation)
}

func (s source) Decode(data []byte, orientation int) (index.Picture, error) {
	img, err := s.header.Decode(data, orientation, s.minShort)
	if err != nil {
		return nil, &index.ContentError{Verdict: index.Broken, Err: err}
	}
	return picture{img, s.config}, nil
}

// picture is a decoded picture, with the preprocessing for a model.
type picture struct {
	*decode.Image

	config preprocess.Config
}

func (p picture) Tensor(dst []float32) { p.config.Tensor(p.Image, dst) }

func (p picture) Preview() ([]byte, error) {
	return thumbnail.JPEG(thumbnail.Of(p.Image, thumbnail.Preview))
}

func (p picture) Damaged() bool { return p.Image.Damaged }
