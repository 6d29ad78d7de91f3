package query_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/sqlite"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/vec"
)

const dim = 8

// direction returns the unit vector of a text or of a file's content.
func direction(text string) []float32 {
	sum := sha256.Sum256([]byte(text))
	v := make([]float32, dim)
	for i := range v {
		v[i] = float32(sum[i]) - 127.5
	}
	vec.Scale(v, 1/vec.Length(v))
	return v
}

// textReader reads any file as a picture. The identity of the picture is its content, and its vector is that of the content as a text.
type textReader struct{}

func (textReader) Open(io.ReadSeeker) (index.Source, error)      { return textSource{}, nil }
func (textReader) Export(string, []byte) (store.Metadata, error) { return store.Metadata{}, nil }
func (textReader) Album([]byte) (store.Metadata, error)          { return store.Metadata{}, nil }
func (textReader) Sidecar([]byte) (store.Metadata, error)        { return store.Metadata{}, nil }
func (textReader) MetaVersion() int                              { return 1 }
func (textReader) TensorLen() int                                { return dim }
func (textReader) Version() int                                  { return 1 }

type textSource struct{}

func (textSource) Header() index.Header {
	return index.Header{Format: "text", Width: 2, Height: 1, DecodeBytes: 1}
}

func (textSource) Meta(r index.Content) (store.Metadata, int) {
	data, err := io.ReadAll(r)
	if err != nil {
		return store.Metadata{}, 1
	}
	return store.Metadata{TakenAt: fmt.Sprintf("20%02d-01-01T00:00:00", sha256.Sum256(data)[0]%24)}, 1
}

func (textSource) Picture(orientation int) store.Picture {
	return store.Picture{Format: "text", Width: 2, Height: 1, Orientation: orientation}
}

func (textSource) Identity(data []byte, _ int) store.PictureID { return sha256.Sum256(data) }

func (textSource) Decode(data []byte, _ int) (index.Picture, error) { return textPicture(data), nil }

type textPicture []byte

func (p textPicture) Tensor(dst []float32)     { copy(dst, direction(string(bytes.TrimSpace(p)))) }
func (p textPicture) Preview() ([]byte, error) { return p, nil }
func (p textPicture) Damaged() bool            { return false }

type tower struct{}

func (tower) Batch() (size, parallel int) { return 4, 2 }
func (tower) Embed(tensors []float32, n int) ([][]float32, error) {
	out := make([][]float32, n)
	for i := range out {
		out[i] = slices.Clone(tensors[i*dim : (i+1)*dim])
	}
	return out, nil
}

// encoder counts the texts that it embeds.
type encoder struct{ texts atomic.Int64 }

func (e *encoder) Start(bool, bool) {}
func (e *encoder) Texts(_ context.Context, texts []string) ([][]float32, error) {
	e.texts.Add(int64(len(texts)))
	out := make([][]float32, len(texts))
	for i, t := range texts {
		out[i] = direction(t)
	}
	return out, nil
}

func (e *encoder) Picture(context.Context, query.Given) ([]float32, error) {
	return nil, errors.New("no picture is given here")
}

// world is a folder of photos with its index.
type world struct {
	*testing.T
	dir, path string
	store     *sqlite.Store
	model     store.Model
	encoder   *encoder
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, dir: t.TempDir(), path: filepath.Join(t.TempDir(), "i.db"), encoder: &encoder{}}
	w.store = w.open()
	var err error
	if w.model, err = w.store.PutModel(t.Context(), store.Model{Identity: "m", Name: "m", Ref: "m", Dim: dim, Precision: "fp32"}); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) open() *sqlite.Store {
	w.Helper()
	s, err := sqlite.Open(w.Context(), w.path, sqlite.Options{})
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { s.Close() })
	return s
}

func (w *world) engine() *query.Engine {
	return query.New(w.store, w.encoders(), nil, nil, nil)
}

func (w *world) encoders() query.Encoders {
	return func(context.Context, store.Model) (query.Encoder, error) { return w.encoder, nil }
}

func (w *world) add(name, content string) {
	path := filepath.Join(w.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.Error(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		w.Error(err)
	}
}

func (w *world) index(s store.Store) {
	sum, err := index.Run(context.Background(), s, index.Request{
		Paths: []string{w.dir}, Jobs: 2, MaxPixels: 100, Model: w.model, Reader: textReader{}, Journal: w.path + ".inflight",
		Load: func(context.Context) (index.Embedder, error) { return tower{}, nil },
	}, nil)
	if err != nil || sum.Failed > 0 {
		w.Errorf("index: %+v, %v", sum, err)
	}
}

func text(weight float64, s string) query.Term {
	return query.Term{Weight: weight, Label: s, Texts: []string{s}}
}

func (w *world) search(r query.Request) *query.Response {
	w.Helper()
	a, err := w.engine().Search(w.Context(), r)
	if err != nil {
		w.Fatal(err)
	}
	return a
}

func paths(hits []query.Hit) (list []string) {
	for _, h := range hits {
		list = append(list, filepath.Base(h.Path))
	}
	return list
}

func filled(t *testing.T, n int) *world {
	w := newWorld(t)
	for i := range n {
		w.add(fmt.Sprintf("%d/%03d.jpg", i%3, i), fmt.Sprint("picture ", i))
	}
	w.index(w.store)
	return w
}
