package onnx

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// ErrTooLarge is a graph that does not fit into one file: protobuf's limit is 2 GiB.
var ErrTooLarge = errors.New("the graph does not fit into the 2 GiB of an ONNX file")

// Graph is a model that can be changed and written again: Nodes and Weights may be replaced, all else stays. The
// weights' values stay in their files until they are asked for or written.
type Graph struct {
	Signature
	// Opset is the version of the standard operators.
	Opset   int64
	Nodes   []*Node
	Weights []*Tensor

	r     io.ReaderAt
	dir   fs.FS // where the weights beside the graph lie
	model []span
	other []span // of the graph: all but nodes and weights
	// reshaped tells that dimensions of the signature were changed (FreeDim).
	reshaped bool
}

// SetDim fixes a dimension of an input or output.
func (g *Graph) SetDim(v *Value, axis int, size int64) {
	v.Dims[axis] = size
	g.reshaped = true
}

// FreeDim leaves a dimension of an input or output open. What the file says of the shapes in between is dropped.
func (g *Graph) FreeDim(v *Value, axis int) {
	v.Dims[axis] = Dynamic
	g.reshaped = true
}

// ReadGraph reads a serialised ModelProto of size bytes; dir holds the files beside it. r is read until the graph is
// written. The error wraps ErrFormat unless reading failed.
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

// CheckValues sees that a weight's values are there, as many as its shape says: what is allocated for it is then no
// more than the file holds.
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

// Floats reads a float32 weight of the graph's file or beside it.
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

// Ints reads a weight of integers, if they are few: what shapes are made of. ok is false for all other weights.
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

// values opens a weight's values, in the file or beside it. The caller closes file.
func (g *Graph) values(t *Tensor) (r io.Reader, size int64, file io.Closer, err error) {
	if t.location == "" {
		return io.NewSectionReader(g.r, t.data.body, t.data.length()), t.data.length(), io.NopCloser(nil), nil
	}
	if g.dir == nil {
		return nil, 0, nil, fmt.Errorf("%w: the weight %q lies in %q, beside the graph", ErrFormat, t.Name, t.location)
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

// Write writes the graph as one file, the weights beside it included. It wraps ErrTooLarge where that cannot be.
func (g *Graph) Write(w io.Writer) error { return g.write(w, "") }

// WriteShell writes the graph without the weights of its file: it points to them, as ONNX does to weights beside a graph,
// in the file that it was read from, which is called name. What comes out is small and can be changed in memory.
func (g *Graph) WriteShell(w io.Writer, name string) error { return g.write(w, name) }

// minOutside is the size from which a weight is worth pointing to.
const minOutside = 1 << 10

// head returns what is written of a weight besides its values; nil: the weight as it is in the file.
func (g *Graph) head(t *Tensor, shell string) (head []byte, values bool) {
	switch {
	case t.write != nil || t.location != "" && shell == "":
		return appendTensorHead(nil, t), true
	case shell != "" && t.location == "" && t.data.num == tensorRaw && t.data.length() >= minOutside:
		return appendOutside(appendTensorHead(nil, t), shell, t.data.body, t.data.length()), false
	}
	return nil, false
}

func (g *Graph) write(w io.Writer, shell string) error {
	nodes := make([][]byte, len(g.Nodes))
	length := int64(0)
	for i, n := range g.Nodes {
		nodes[i] = n.bytes()
		if shell == "" && strings.Contains(n.Op, "Constant") && n.raw != nil && g.outside(n) {
			return fmt.Errorf("%w: the constant %q lies beside the graph", ErrTooLarge, n.Name)
		}
		length += fieldSize(graphNode, int64(len(nodes[i])))
	}
	others := g.other
	var values [][]byte
	if g.reshaped {
		others, values = g.reshapedValues()
	}
	for _, f := range others {
		length += f.end - f.start
	}
	for _, v := range values {
		length += int64(len(v))
	}
	for _, t := range g.Weights {
		head, values := g.head(t, shell)
		switch {
		case values:
			length += fieldSize(graphInitializer, int64(len(head))+fieldSize(tensorRaw, t.Len()*elemSize(t.Elem)))
		case head != nil:
			length += fieldSize(graphInitializer, int64(len(head)))
		default:
			length += t.field.end - t.field.start
		}
	}
	if length > math.MaxInt32 {
		return ErrTooLarge
	}
	out := bufio.NewWriterSize(w, 1<<20)
	for _, f := range g.model {
		if err := g.copySpan(out, f); err != nil {
			return err
		}
	}
	writeHead(out, modelGraph, length)
	for _, n := range nodes {
		writeHead(out, graphNode, int64(len(n)))
		_, _ = out.Write(n) // bufio keeps the first error for Flush
	}
	for _, t := range g.Weights {
		head, values := g.head(t, shell)
		if err := g.writeWeight(out, t, head, values); err != nil {
			return err
		}
	}
	for _, f := range others {
		if err := g.copySpan(out, f); err != nil {
			return err
		}
	}
	for _, v := range values {
		_, _ = out.Write(v)
	}
	return out.Flush()
}

// reshapedValues are the graph's fields without inputs, outputs and shapes in between, and inputs and outputs anew.
func (g *Graph) reshapedValues() (others []span, values [][]byte) {
	for _, f := range g.other {
		if f.num != graphInput && f.num != graphOutput && f.num != graphValue {
			others = append(others, f)
		}
	}
	for _, v := range g.Inputs {
		values = append(values, appendValue(graphInput, v))
	}
	for _, v := range g.Outputs {
		values = append(values, appendValue(graphOutput, v))
	}
	return others, values
}

// appendValue serialises a field that holds a ValueInfoProto.
func appendValue(num protowire.Number, v Value) []byte {
	message := func(num protowire.Number, body []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, num, protowire.BytesType), body)
	}
	var shape []byte
	for _, d := range v.Dims {
		var dim []byte
		if d != Dynamic {
			dim = protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), uint64(d))
		}
		shape = append(shape, message(1, dim)...)
	}
	tensor := protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), uint64(v.Elem))
	tensor = append(tensor, message(2, shape)...)
	return message(num, append(message(1, []byte(v.Name)), message(2, message(1, tensor))...))
}

// outside tells whether a constant's values lie beside the graph.
func (g *Graph) outside(n *Node) bool {
	found := false
	for _, a := range n.attributes {
		_ = fields(a, func(num protowire.Number, body []byte, _ uint64) error {
			if num != attributeTensor {
				return nil
			}
			return fields(body, func(num protowire.Number, _ []byte, v uint64) error {
				found = found || num == tensorLocation && v == 1
				return nil
			})
		})
	}
	return found
}

func (g *Graph) copySpan(w io.Writer, f span) error {
	_, err := io.Copy(w, io.NewSectionReader(g.r, f.start, f.end-f.start))
	return err
}

func (g *Graph) writeWeight(w *bufio.Writer, t *Tensor, head []byte, values bool) error {
	if head == nil {
		return g.copySpan(w, t.field)
	}
	if !values {
		writeHead(w, graphInitializer, int64(len(head)))
		_, err := w.Write(head)
		return err
	}
	size := t.Len() * elemSize(t.Elem)
	writeHead(w, graphInitializer, int64(len(head))+fieldSize(tensorRaw, size))
	_, _ = w.Write(head)
	writeHead(w, tensorRaw, size)
	count := &countingWriter{w: w}
	if t.write != nil {
		if err := t.write(count); err != nil {
			return err
		}
	} else {
		r, _, file, err := g.values(t)
		if err != nil {
			return err
		}
		defer file.Close()
		if _, err := io.Copy(count, r); err != nil {
			return err
		}
	}
	if count.n != size {
		return fmt.Errorf("%w: the weight %q has %d bytes for shape %v", ErrFormat, t.Name, count.n, t.Dims)
	}
	return nil
}

type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

func fieldSize(num protowire.Number, length int64) int64 {
	return int64(protowire.SizeTag(num)) + int64(protowire.SizeVarint(uint64(length))) + length
}

func writeHead(w *bufio.Writer, num protowire.Number, length int64) {
	b := protowire.AppendTag(nil, num, protowire.BytesType)
	_, _ = w.Write(protowire.AppendVarint(b, uint64(length)))
}
