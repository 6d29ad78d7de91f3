package index

import (
	"context"
	"errors"

	"github.com/imgsearch/imgsearch/internal/caught"
)

// decodePicture decodes the picture and makes what is needed of it: its tensor, a preview, or both.
func decodePicture(_ context.Context, w *worker, f *reading) (bool, error) {
	if f.wantsTensor {
		f.tensor = w.tensors.Get().(*[]float32) //nolint:forcetypeassert // the pool holds nothing else
	}
	err := f.decode()
	if f.claim != nil {
		f.claim.finish(err)
	}
	return false, err
}

// decode decodes the picture. If a decoder panics, only this file fails, not the run.
func (f *reading) decode() error {
	err := f.decodeOnce()
	if _, panicked := errors.AsType[*caught.PanicError](err); panicked {
		return broken(err)
	}
	return err
}

func (f *reading) decodeOnce() (err error) {
	defer caught.Error(&err)
	picture, err := f.source.Decode(f.data, f.orientation)
	if err != nil {
		return err
	}
	f.damaged = picture.Damaged()
	if f.wantsTensor {
		picture.Tensor(*f.tensor)
	}
	if f.wantsSmall {
		f.small, err = picture.Preview()
	}
	if f.wantsText {
		f.decoded = picture
	}
	return err
}
