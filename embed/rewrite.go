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

	"github.com/imgsearch/imgsearch/embed/onnx"
	"github.com/imgsearch/imgsearch/models"
)

// readGraph reads a tower's graph from at, the path of its file or of a copy; "" means the built-in model. done closes the files
// that its weights are read from.
func (s Spec) readGraph(file, at string) (g *onnx.Graph, done func(), err error) {
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
	beside, leave := s.Model.SubFS(path.Dir(file))
	closeFile := done
	done = func() { closeFile(); leave() }
	g, err = onnx.ReadGraph(r, size, beside)
	if err != nil {
		done()
		if errors.Is(err, onnx.ErrFormat) {
			err = damaged(file, err)
		}
		return nil, nil, err
	}
	return g, done, nil
}

// graphData returns the bytes of a graph for the runtime to load. For a graph from a file that is a shell without the weights,
// which points to them in the file: the runtime maps them from there, starts twice as fast, and uses 200 MB less for ViT-B/32
// (docs/benchmarks.md#batch).
func graphData(g *onnx.Graph, from string) ([]byte, error) {
	var out bytes.Buffer
	if from == "" {
		err := g.Write(&out)
		return out.Bytes(), err
	}
	err := g.WriteShell(&out, filepath.Base(from))
	return out.Bytes(), err
}

// readShell reads a tower's graph, changes it by reshape unless that is nil, and returns its graphData and its signature. The
// error may wrap dynamic.ErrUnsafe or dynamic.ErrDynamic.
func (s Spec) readShell(file, at string, reshape func(*onnx.Graph) error) ([]byte, onnx.Signature, error) {
	g, done, err := s.readGraph(file, at)
	if err != nil {
		return nil, onnx.Signature{}, err
	}
	defer done()
	if reshape != nil {
		if err := reshape(g); err != nil {
			return nil, onnx.Signature{}, fmt.Errorf("%s: %w", file, err)
		}
	}
	data, err := graphData(g, at)
	return data, g.Signature, err
}
