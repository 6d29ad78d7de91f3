package cmd

import (
	"bytes"
	"errors"
	"io"
	"os"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/store"
)

// pictureFile is a picture that was read from a file, outside of index.
type pictureFile struct {
	path    string
	data    []byte
	header  index.Header
	picture store.Picture
	meta    store.Metadata
}

// maxPictureFile bounds a picture that is given on the command line.
const maxPictureFile = 1 << 30

// readPicture reads a file and says what picture it is. Its errors are wrong usage.
func readPicture(path string) (p pictureFile, err error) {
	f, err := os.Open(path)
	if err != nil {
		return p, usageError("give a picture that can be read", "%w", err)
	}
	defer f.Close()
	p.path = path
	if p.data, err = io.ReadAll(io.LimitReader(f, maxPictureFile)); err != nil {
		return p, usageError("give a picture that can be read", "%w", err)
	}
	if p.header, err = (pictures{}).Header(bytes.NewReader(p.data)); err != nil {
		return p, notPicture(path, err)
	}
	p.picture, p.meta = pictures{}.Identify(p.header, detail(p.header).Select(p.data, 0), 0)
	return p, nil
}

// tensor decodes the picture as index does.
func (p pictureFile) tensor(spec embed.Spec) ([]float32, error) {
	reader := pictures{spec: spec}
	tensor := make([]float32, reader.TensorLen())
	data := detail(p.header).Select(p.data, spec.Preprocess.MinShort())
	picture, err := reader.Decode(p.header, p.picture, data)
	if err != nil {
		return nil, notPicture(p.path, err)
	}
	picture.Tensor(tensor)
	return tensor, nil
}

func notPicture(path string, err error) error {
	if content, ok := errors.AsType[*index.ContentError](err); ok {
		err = content.Err
	}
	return usageError("docs/formats.md lists what is read", "%s: %w", escapePath(path), err)
}

// tensorOf reads a picture file as index does.
func tensorOf(spec embed.Spec, path string) ([]float32, error) {
	p, err := readPicture(path)
	if err != nil {
		return nil, err
	}
	return p.tensor(spec)
}
