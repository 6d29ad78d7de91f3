package cmd

import (
	"bytes"
	"errors"
	"io"
	"os"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/decode"
	"github.com/imgsearch/imgsearch/embed/preprocess"
	"github.com/imgsearch/imgsearch/embed/thumbnail"
	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/store"
)

// pictures gives the index the decoders and a model's preprocessing: the seam between the two packages.
type pictures struct {
	spec embed.Spec
	// previews tells that previews will be made, which may want more pixels than the model.
	previews bool
}

// minShort is how small a picture may be decoded.
func (p pictures) minShort() int {
	short := p.spec.Preprocess.MinShort()
	if p.previews {
		short = max(short, thumbnail.Side)
	}
	return short
}

func (p pictures) Header(r io.ReadSeeker) (index.Header, error) {
	h, err := decode.ReadHeader(r)
	if err != nil {
		return index.Header{}, blame(err)
	}
	minShort := p.minShort()
	out := index.Header{Format: string(h.Format), Width: h.Width, Height: h.Height, DecodeBytes: h.DecodeBytes(minShort), Detail: h}
	for _, e := range h.Extents(minShort) {
		out.Extents = append(out.Extents, index.Extent(e))
	}
	return out, nil
}

// blame tells what content is to blame for from what the disk is.
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

func (p pictures) Identify(h index.Header, data []byte, orientation int) (store.Picture, store.Metadata) {
	meta := detail(h).Meta(bytes.NewReader(data))
	if orientation != 0 {
		meta.Orientation = orientation
	}
	out := unidentified(h, meta)
	out.ID = detail(h).Identity(data, meta.Orientation)
	return out, metadata(meta)
}

func (p pictures) Meta(h index.Header, file *os.File) (store.Picture, store.Metadata) {
	meta := detail(h).Meta(file)
	return unidentified(h, meta), metadata(meta)
}

// unidentified is what a picture is, its identity left out.
func unidentified(h index.Header, meta decode.Meta) store.Picture {
	width, height := preprocess.Upright(h.Width, h.Height, meta.Orientation)
	return store.Picture{Format: h.Format, Width: width, Height: height, Orientation: meta.Orientation}
}

// metadata is what a file says of its picture.
func metadata(meta decode.Meta) store.Metadata {
	m := store.Metadata{
		TakenAt: meta.TakenAt, TakenSource: dateSources[meta.TakenFrom], Camera: meta.Camera, Lens: meta.Lens, OwnerMetadata: store.OwnerMetadata(meta.Labels),
	}
	if meta.HasGPS {
		m.Position = &store.Position{Latitude: meta.Latitude, Longitude: meta.Longitude}
	}
	return m
}

// dateSources are the index's names of the tags that dates come from.
var dateSources = map[decode.DateTag]store.DateSource{decode.DateTimeOriginal: store.DateOriginal, decode.DateTimeDigitized: store.DateDigitized}

func (p pictures) Sidecar(data []byte) (store.OwnerMetadata, error) {
	labels, err := decode.ReadXMP(data)
	return store.OwnerMetadata(labels), err
}

func (p pictures) Decode(h index.Header, read store.Picture, data []byte) (index.Picture, error) {
	img, err := detail(h).Decode(data, read.Orientation, p.minShort())
	if err != nil {
		return nil, &index.ContentError{Verdict: index.Broken, Err: err}
	}
	return picture{img, p.spec.Preprocess}, nil
}

// picture is a decoded one on its way to a model.
type picture struct {
	*decode.Image
	config preprocess.Config
}

func (p picture) Tensor(dst []float32) { p.config.Tensor(p.Image, dst) }
func (p picture) Preview() ([]byte, error) {
	return thumbnail.JPEG(thumbnail.Of(p.Image, thumbnail.Preview))
}
func (p picture) Damaged() bool { return p.Image.Damaged }

// detail is what Header put into a header.
func detail(h index.Header) decode.Header {
	return h.Detail.(decode.Header) //nolint:forcetypeassert // nobody else makes one
}

func (p pictures) TensorLen() int { return p.spec.Preprocess.TensorLen() }

func (p pictures) Version() int { return decode.Version }

func (p pictures) MetaVersion() int { return decode.MetaVersion }
