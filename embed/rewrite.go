package embed

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/imgsearch/imgsearch/embed/dynamic"
	"github.com/imgsearch/imgsearch/embed/onnx"
	"github.com/imgsearch/imgsearch/models"
)

// readGraph reads a tower's graph, from its file or a copy of it at path. done closes what its weights are read from.
func (s Spec) readGraph(file, copied string) (g *onnx.Graph, done func(), err error) {
	at := s.Model.Path(file)
	if copied != "" {
		at = copied
	}
	var r io.ReaderAt
	var size int64
	done = func() {}
	if at == "" {
		data, err := s.Model.ReadFile(file)
		if err != nil {
			return nil, nil, err
		}
		r, size = bytes.NewReader(data), int64(len(data))
	} else {
		f, err := os.Open(at)
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%w: %w", models.ErrMissing, err)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("read model file: %w", err)
		}
		done = func() { f.Close() }
		info, err := f.Stat()
		if err != nil {
			done()
			return nil, nil, fmt.Errorf("read model file: %w", err)
		}
		r, size = f, info.Size()
	}
	g, err = onnx.ReadGraph(r, size, s.Model.SubFS(path.Dir(file)))
	if err != nil {
		done()
		if errors.Is(err, onnx.ErrFormat) {
			err = damaged(file, err)
		}
		return nil, nil, err
	}
	return g, done, nil
}

// readShell reads a tower's graph without the weights, which it points to in the file at path, and its signature. The
// runtime maps them from there: it starts twice as fast, and takes 200 MB less for ViT-B/32 (docs/benchmarks.md#batch).
// With freeBatch the batch is made dynamic; the error wraps dynamic.ErrUnsafe or dynamic.ErrDynamic where it cannot be.
func (s Spec) readShell(file, at string, freeBatch bool) ([]byte, onnx.Signature, error) {
	g, done, err := s.readGraph(file, at)
	if err != nil {
		return nil, onnx.Signature{}, err
	}
	defer done()
	if freeBatch {
		if err := dynamic.Batch(g); err != nil {
			return nil, onnx.Signature{}, fmt.Errorf("%s: %w", file, err)
		}
	}
	var out bytes.Buffer
	if err := g.WriteShell(&out, filepath.Base(at)); err != nil {
		return nil, onnx.Signature{}, err
	}
	return out.Bytes(), g.Signature, nil
}
