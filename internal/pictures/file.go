package pictures

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/decode"
	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/places"
)

// File is a picture that was read from a file outside of the pipeline.
type File struct {
	Path    string
	Stat    store.Stat
	Picture store.Picture
	Meta    store.Metadata

	header decode.Header
	data   []byte
}

// UnreadableError is a file that is not a picture, or cannot be read.
type UnreadableError struct {
	Path string
	Err  error
}

func (e *UnreadableError) Error() string { return e.Path + ": " + e.Err.Error() }

func (e *UnreadableError) Unwrap() error { return e.Err }

// IsNotPicture reports whether an error is about a file that is not a picture.
func IsNotPicture(err error) bool { return errors.Is(err, decode.ErrNotPicture) }

// maxFile limits the size of a file that Read reads, in bytes.
const maxFile = 1 << 30

// Read reads a file and identifies its picture. The error is an *UnreadableError.
func Read(path string) (File, error) {
	f, err := os.Open(path)
	if err != nil {
		return File{}, &UnreadableError{path, err}
	}
	defer f.Close()
	p := File{Path: path}
	if p.data, err = io.ReadAll(io.LimitReader(f, maxFile+1)); err != nil {
		return p, &UnreadableError{path, err}
	}
	if len(p.data) > maxFile {
		return p, &UnreadableError{path, fmt.Errorf("larger than %d bytes", maxFile)}
	}
	p.Stat.Size = int64(len(p.data))
	if info, err := f.Stat(); err == nil { // a pipe has no times
		p.Stat.MTimeNS = info.ModTime().UnixNano()
	}
	err = p.identify()
	return p, err
}

// ErrDiffers means that a file shows another picture.
var ErrDiffers = errors.New("the file shows another picture")

// Same returns an error unless a file shows a picture.
func Same(f io.Reader, id store.PictureID) error {
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return err
	}
	if len(data) > maxFile {
		return fmt.Errorf("larger than %d bytes", maxFile)
	}
	p, err := Parse("", data)
	if err == nil && p.Picture.ID != id {
		err = ErrDiffers
	}
	return err
}

// Parse identifies the picture in a file's bytes. name is for messages. The error is an *UnreadableError.
func Parse(name string, data []byte) (File, error) {
	p := File{Path: name, data: data, Stat: store.Stat{Size: int64(len(data))}}
	err := p.identify()
	return p, err
}

// identify reads the picture's header and metadata.
func (p *File) identify() (err error) {
	if p.header, err = decode.ReadHeader(bytes.NewReader(p.data)); err != nil {
		return &UnreadableError{p.Path, err}
	}
	s := source{header: p.header}
	data := p.header.Select(p.data, 0)
	var orientation int
	p.Meta, orientation = s.Meta(bytes.NewReader(data))
	p.Picture = s.Picture(orientation)
	p.Picture.ID = s.Identity(data, orientation)
	return nil
}

// DecodeBytes returns how much memory it takes to decode the picture for a model, in bytes.
func (p File) DecodeBytes(spec embed.Spec) int64 {
	return p.header.DecodeBytes(Reader{Spec: spec}.minShort())
}

// Record returns the record that an index would have of this file alone. It has everything that filters use.
func (p File) Record() store.Record {
	file := store.FileRecord{File: store.File{Stat: p.Stat}, Picture: p.Picture.ID, Format: p.Picture.Format, Metadata: p.Meta}
	r := store.Record{Picture: p.Picture, Metadata: p.Meta, Files: []store.FileRecord{file}}
	if at := p.Meta.Position; at != nil {
		r.PlaceID = places.NearestID(at.Latitude, at.Longitude)
	}
	return r
}

// Forget frees the memory of the file's bytes. The picture can no longer be decoded unless it is read again.
func (p *File) Forget() { p.data = nil }

// Tensor decodes the picture as the pipeline does.
func (p File) Tensor(spec embed.Spec) ([]float32, error) {
	reader := Reader{Spec: spec}
	tensor := make([]float32, reader.TensorLen())
	s := source{header: p.header, minShort: reader.minShort(), config: spec.Preprocess}
	picture, err := s.Decode(p.header.Select(p.data, s.minShort), p.Picture.Orientation)
	if content, ok := errors.AsType[*index.ContentError](err); ok {
		err = content.Err
	}
	if err != nil {
		return nil, &UnreadableError{p.Path, err}
	}
	picture.Tensor(tensor)
	return tensor, nil
}

// Term is a picture file in a query. It is read when needed, and only once, because it may be a pipe.
type Term struct {
	Path string

	read *File
}

// NewTerm returns the term for a picture that was read.
func NewTerm(f File) *Term { return &Term{Path: f.Path, read: &f} }

// File reads the picture.
func (t *Term) File() (File, error) {
	if t.read == nil {
		f, err := Read(t.Path)
		if err != nil {
			return f, err
		}
		t.read = &f
	}
	return *t.read, nil
}

// ID identifies the picture.
func (t *Term) ID() (store.PictureID, error) {
	f, err := t.File()
	return f.Picture.ID, err
}
