package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// ErrTooLarge reports that a graph does not fit into one file: protobuf's limit is 2 GiB.
var ErrTooLarge = errors.New("the graph does not fit into the 2 GiB of an ONNX file")

// Graph is a model that can be changed and written again: Nodes and Weights may be replaced, all else stays. The
// weights' values stay in their files until they are read or written.
type Graph struct {
	Signature
	// Opset is the version of the standard operators.
	Opset   int64
	Nodes   []*Node
	Weights []*Tensor

	r     io.ReaderAt
	dir   fs.FS // holds the weights next to the graph
	model []span
	other []span // of the graph: all but nodes and weights
	// reshaped reports whether dimensions of the signature were changed (FreeDim).
	reshaped bool
}

// SetDim fixes a dimension of an input or output.
func (g *Graph) SetDim(v *Value, axis int, size int64) {
	v.Dims[axis] = size
	g.reshaped = true
}

// FreeDim leaves a dimension of an input or output open. The shapes in between that the file gives are dropped.
func (g *Graph) FreeDim(v *Value, axis int) {
	v.Dims[axis] = Dynamic
	g.reshaped = true
}

// ReadGraph reads a serialised ModelProto of size bytes; dir holds the files next to it. r must stay readable until the
// graph is written. The error wraps ErrFormat unless reading failed.
func ReadGraph(r io.ReaderAt, size int64, dir fs.FS) (*Graph, error) {
	section := io.NewSectionReader(r, 0, size)
	sig, err := ReadSignature(section)
	if err != nil {
		return nil, err
	}
	g := &Graph{Signature: sig, r: r, dir: dir}
	s, err := newStream(section)
	if err != nil {
		return nil, err
	}
	err = s.message(size, func(f span) error {
		switch f.num {
		case modelGraph:
			return g.readGraph(s, f)
		case modelOpset:
			if err := g.readOpset(s, f); err != nil {
				return err
			}
		}
		g.model = append(g.model, f)
		return nil
	})
	return g, err
}

func (g *Graph) readOpset(s *stream, f span) error {
	body, err := s.bytes(f)
	if err != nil {
		return err
	}
	domain, version := "", int64(0)
	err = fields(body, func(num protowire.Number, body []byte, n uint64) error {
		switch num {
		case 1:
			domain = string(body)
		case 2:
			version = int64(n)
		}
		return nil
	})
	if domain == "" || domain == "ai.onnx" {
		g.Opset = version
	}
	return err
}

// maxParts bounds nodes, weights and other parts of a graph; the largest published towers have some ten thousand.
const maxParts = 1 << 18

func (g *Graph) readGraph(s *stream, f span) error {
	parts := 0
	return s.enter(f, func(f span) error {
		if parts++; parts > maxParts {
			return fmt.Errorf("%w: more than %d nodes and weights", ErrFormat, maxParts)
		}
		switch f.num {
		case graphNode:
			raw, err := s.bytes(f)
			if err != nil {
				return err
			}
			n, err := readNode(raw)
			g.Nodes = append(g.Nodes, n)
			return err
		case graphInitializer:
			t, err := readTensor(s, f)
			g.Weights = append(g.Weights, &t)
			return err
		}
		g.other = append(g.other, f)
		return nil
	})
}

// CheckValues checks that the file holds as many values of a weight as its shape says, so that no more than that is
// allocated for it.
func (g *Graph) CheckValues(t *Tensor) error {
	_, size, file, err := g.values(t)
	if err != nil {
		return err
	}
	if n := t.Len(); n < 0 || size != n*elemSize(t.Elem) {
		err = fmt.Errorf("%w: the weight %q has %d bytes for %v of shape %v", ErrFormat, t.Name, size, t.Elem, t.Dims)
	}
	return errors.Join(err, file.Close())
}

// Floats reads a float32 weight from the graph's file or a file next to it.
func (g *Graph) Floats(t *Tensor) ([]float32, error) {
	if err := g.CheckValues(t); err != nil {
		return nil, err
	}
	r, _, file, err := g.values(t)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	n := t.Len()
	values := make([]float32, n)
	buf := make([]byte, min(4*n, 1<<20))
	for at := int64(0); at < n; {
		part := buf[:min(int64(len(buf)), 4*(n-at))]
		if _, err := io.ReadFull(r, part); err != nil {
			return nil, fmt.Errorf("read weight %q: %w", t.Name, err)
		}
		for i := 0; i < len(part); i += 4 {
			values[at] = math.Float32frombits(binary.LittleEndian.Uint32(part[i:]))
			at++
		}
	}
	return values, nil
}

// maxInts bounds what Ints reads: shapes and axes are a few numbers.
const maxInts = 1 << 10

// Ints reads a weight of few integers, such as a shape. ok is false for all other weights.
func (g *Graph) Ints(t *Tensor) (values []int64, ok bool, err error) {
	if t.Elem != Int64 && t.Elem != Int32 || t.Len() < 0 || t.Len() > maxInts || t.data.num == tensorFloats {
		return nil, false, nil
	}
	r, _, file, err := g.values(t)
	if err != nil {
		return nil, false, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(r, 16*maxInts))
	if err != nil {
		return nil, false, fmt.Errorf("read weight %q: %w", t.Name, err)
	}
	if t.location == "" && t.data.num != tensorRaw {
		values = appendInts(nil, data, t.data.n)
	} else if values, err = rawInts(t.Elem, data); err != nil {
		return nil, false, err
	}
	if int64(len(values)) != t.Len() {
		return nil, false, fmt.Errorf("%w: the weight %q has %d values for shape %v", ErrFormat, t.Name, len(values), t.Dims)
	}
	return values, true, nil
}

// values opens a weight's values, in the graph's file or a file next to it. The caller closes file.
func (g *Graph) values(t *Tensor) (r io.Reader, size int64, file io.Closer, err error) {
	if t.location == "" {
		return io.NewSectionReader(g.r, t.data.body, t.data.length()), t.data.length(), io.NopCloser(nil), nil
	}
	if g.dir == nil {
		return nil, 0, nil, fmt.Errorf("%w: the weight %q is stored outside the graph's file, in %q", ErrFormat, t.Name, t.location)
	}
	f, err := g.dir.Open(t.location)
	if err != nil {
		return nil, 0, nil, fmt.Errorf("read weight %q: %w", t.Name, err)
	}
	at, ok := f.(io.ReaderAt)
	info, err := f.Stat()
	if err != nil || !ok {
		return nil, 0, nil, errors.Join(fmt.Errorf("read weight %q: %w", t.Name, errors.Join(err, ErrFormat)), f.Close())
	}
	size = t.size
	if size == 0 {
		size = info.Size() - t.offset
	}
	if t.offset > info.Size() || size > info.Size()-t.offset {
		return nil, 0, nil, errors.Join(fmt.Errorf("%w: the weight %q reaches beyond the end of %q (truncated?)", ErrFormat, t.Name, t.location), f.Close())
	}
	return io.NewSectionReader(at, t.offset, size), size, f, nil
}
