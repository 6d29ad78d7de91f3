package onnx

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// Write writes the graph as one file, including the weights stored next to it. The error wraps ErrTooLarge if that is impossible.
func (g *Graph) Write(w io.Writer) error { return g.write(w, "") }

// WriteShell writes the graph without the weights of its file. It points to them, as ONNX points to weights next to a graph,
// in the file that it was read from, which is called name. The result is small and can be changed in memory.
func (g *Graph) WriteShell(w io.Writer, name string) error { return g.write(w, name) }

// minOutside is the least size of a weight that is worth pointing to.
const minOutside = 1 << 10

// head returns what is written of a weight besides its values; nil: the weight is copied as it is in the file.
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
	nodes, err := g.nodeBytes(shell)
	if err != nil {
		return err
	}
	others := g.other
	var values [][]byte
	if g.reshaped {
		others, values = g.reshapedValues()
	}
	length := g.length(shell, nodes, others, values)
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

// nodeBytes returns the nodes as they are written.
func (g *Graph) nodeBytes(shell string) ([][]byte, error) {
	nodes := make([][]byte, len(g.Nodes))
	for i, n := range g.Nodes {
		nodes[i] = n.bytes()
		if shell == "" && strings.Contains(n.Op, "Constant") && n.raw != nil && g.outside(n) {
			return nil, fmt.Errorf("%w: the constant %q is stored outside the graph's file", ErrTooLarge, n.Name)
		}
	}
	return nodes, nil
}

// length returns the length of the written graph in bytes.
func (g *Graph) length(shell string, nodes [][]byte, others []span, values [][]byte) (n int64) {
	for _, node := range nodes {
		n += fieldSize(graphNode, int64(len(node)))
	}
	for _, f := range others {
		n += f.end - f.start
	}
	for _, v := range values {
		n += int64(len(v))
	}
	for _, t := range g.Weights {
		head, values := g.head(t, shell)
		switch {
		case values:
			n += fieldSize(graphInitializer, int64(len(head))+fieldSize(tensorRaw, t.Len()*elemSize(t.Elem)))
		case head != nil:
			n += fieldSize(graphInitializer, int64(len(head)))
		default:
			n += t.field.end - t.field.start
		}
	}
	return n
}

// reshapedValues returns the graph's fields without inputs, outputs and the shapes in between, and the new inputs and outputs.
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

// outside reports whether a constant's values are stored outside the graph's file.
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
