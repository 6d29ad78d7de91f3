package cmd

import (
	"errors"
	"io"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/decode"
	"github.com/imgsearch/imgsearch/embed/preprocess"
	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/sqlite"
)

// pictures gives the index the decoders and a model's preprocessing: the seam between the two packages.
type pictures struct{ spec embed.Spec }

func (p pictures) Header(r io.ReadSeeker) (index.Header, error) {
	h, err := decode.ReadHeader(r)
	if err != nil {
		return index.Header{}, blame(err)
	}
	minShort := p.spec.Preprocess.MinShort()
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

func (p pictures) Identify(h index.Header, data []byte) sqlite.Content {
	header := detail(h)
	meta := header.Meta(data)
	width, height := preprocess.Upright(h.Width, h.Height, meta.Orientation)
	return sqlite.Content{
		Hash: header.Identity(data, meta.Orientation), Format: h.Format, Width: width, Height: height,
		Orientation: meta.Orientation, TakenAt: meta.TakenAt, Camera: meta.Camera,
		HasGPS: meta.HasGPS, Latitude: meta.Latitude, Longitude: meta.Longitude,
	}
}

func (p pictures) Tensor(h index.Header, c sqlite.Content, data []byte, dst []float32) (damaged bool, err error) {
	img, err := detail(h).Decode(data, c.Orientation, p.spec.Preprocess.MinShort())
	if err != nil {
		return false, &index.ContentError{Verdict: index.Broken, Err: err}
	}
	p.spec.Preprocess.Tensor(img, dst)
	return img.Damaged, nil
}

// detail is what Header put into a header.
func detail(h index.Header) decode.Header {
	return h.Detail.(decode.Header) //nolint:forcetypeassert // nobody else makes one
}

func (p pictures) TensorLen() int { return p.spec.Preprocess.TensorLen() }

func (p pictures) Version() int { return decode.Version }
