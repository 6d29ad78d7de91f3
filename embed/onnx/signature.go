// Package onnx reads what a caller must know about an ONNX graph before running it: the names, element types and
// dimensions of inputs and outputs. It reads the protobuf wire format directly, skips the weights without copying
// them, and must not know what the graph is for. Field numbers are those of onnx.proto3 (ONNX IR version 10).
package onnx

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// ErrFormat reports data that is not a complete ONNX model.
var ErrFormat = errors.New("not a valid ONNX model")

// ElemType is a tensor's element type, by its number in onnx.proto3's TensorProto.DataType.
type ElemType int32

// The element types that towers use.
const (
	Float   ElemType = 1
	Uint8   ElemType = 2
	Int8    ElemType = 3
	Int32   ElemType = 6
	Int64   ElemType = 7
	Float16 ElemType = 10
)

func (t ElemType) String() string {
	switch t {
	case Float:
		return "float32"
	case Uint8:
		return "uint8"
	case Int8:
		return "int8"
	case Int32:
		return "int32"
	case Int64:
		return "int64"
	case Float16:
		return "float16"
	}
	return fmt.Sprintf("element type %d", int32(t))
}

// Dynamic is a dimension that the graph leaves open.
const Dynamic = -1

// Value is one input or output of a graph.
type Value struct {
	Name string
	Elem ElemType
	Dims []int64 // Dynamic where the graph leaves the size open
}

// Signature lists a graph's inputs and outputs, in the graph's order.
type Signature struct {
	Inputs, Outputs []Value
	// Files are the files next to the graph that hold weights, relative to its folder and inside it.
	Files []string
}

// ReadSignature reads the signature of a serialised ModelProto. Weights are skipped, not read: however large
// the file is, only some pages are touched. Initialisers that old exporters list among the inputs are left out. The
// error wraps ErrFormat unless reading failed.
func ReadSignature(r io.ReadSeeker) (Signature, error) {
	s, err := newStream(r)
	if err != nil {
		return Signature{}, err
	}
	var sig Signature
	found := false
	err = s.message(s.size, func(f span) error {
		if f.num != modelGraph {
			return nil
		}
		found = true
		sig, err = readGraphSignature(s, f)
		return err
	})
	if err != nil {
		return Signature{}, err
	}
	if !found {
		return Signature{}, fmt.Errorf("%w: it contains no graph", ErrFormat)
	}
	return sig, nil
}

func readGraphSignature(s *stream, graph span) (Signature, error) {
	var sig Signature
	weights := make(map[string]bool)
	files := make(map[string]bool)
	err := s.enter(graph, func(f span) error {
		switch f.num {
		case graphInitializer:
			t, err := readTensor(s, f)
			weights[t.Name] = true
			files[t.location] = true
			return err
		case graphNode:
			return nodeFiles(s, f, files, 0)
		case graphInput, graphOutput:
			body, err := s.bytes(f)
			if err != nil {
				return err
			}
			v, err := readValue(body)
			if err != nil {
				return err
			}
			if f.num == graphInput {
				sig.Inputs = append(sig.Inputs, v)
			} else {
				sig.Outputs = append(sig.Outputs, v)
			}
		}
		return nil
	})
	if err != nil {
		return Signature{}, err
	}
	delete(files, "")
	sig.Files = slices.Sorted(maps.Keys(files))
	for _, name := range sig.Files {
		if !filepath.IsLocal(name) || strings.ContainsRune(name, '\\') {
			return Signature{}, fmt.Errorf("%w: it refers to weights outside its folder: %q", ErrFormat, name)
		}
	}
	sig.Inputs = slices.DeleteFunc(sig.Inputs, func(v Value) bool { return weights[v.Name] })
	if len(sig.Inputs) == 0 || len(sig.Outputs) == 0 {
		return Signature{}, fmt.Errorf("%w: the graph has %d inputs and %d outputs", ErrFormat, len(sig.Inputs), len(sig.Outputs))
	}
	return sig, nil
}

// maxDepth bounds graphs inside graphs; towers have none.
const maxDepth = 32

// nodeFiles collects the files that hold a node's constants.
func nodeFiles(s *stream, node span, files map[string]bool, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("%w: graphs inside graphs, more than %d deep", ErrFormat, maxDepth)
	}
	return s.enter(node, func(f span) error {
		if f.num != nodeAttribute {
			return nil
		}
		return s.enter(f, func(f span) error {
			switch f.num {
			case attributeTensor:
				t, err := readTensor(s, f)
				files[t.location] = true
				return err
			case attributeGraph:
				return s.enter(f, func(f span) error {
					switch f.num {
					case graphInitializer:
						t, err := readTensor(s, f)
						files[t.location] = true
						return err
					case graphNode:
						return nodeFiles(s, f, files, depth+1)
					}
					return nil
				})
			}
			return nil
		})
	})
}

// readValue reads a ValueInfoProto whose type is a tensor.
func readValue(data []byte) (Value, error) {
	var v Value
	err := fields(data, func(num protowire.Number, body []byte, _ uint64) error {
		switch num {
		case 1: // name
			v.Name = string(body)
		case 2: // type
			return fields(body, func(num protowire.Number, body []byte, _ uint64) error {
				if num != 1 { // TypeProto.tensor_type
					return nil
				}
				return fields(body, func(num protowire.Number, body []byte, n uint64) error {
					switch num {
					case 1: // elem_type
						v.Elem = ElemType(n)
					case 2: // shape
						return readShape(body, &v)
					}
					return nil
				})
			})
		}
		return nil
	})
	return v, err
}

func readShape(data []byte, v *Value) error {
	return fields(data, func(num protowire.Number, body []byte, _ uint64) error {
		if num != 1 { // TensorShapeProto.dim
			return nil
		}
		dim := int64(Dynamic)
		err := fields(body, func(num protowire.Number, _ []byte, n uint64) error {
			if num == 1 && int64(n) > 0 { // Dimension.dim_value
				dim = int64(n)
			}
			return nil
		})
		v.Dims = append(v.Dims, dim)
		return err
	})
}

// fields calls visit for each field of a message: body for length-delimited and fixed ones, n for varints.
func fields(data []byte, visit func(num protowire.Number, body []byte, n uint64) error) error {
	for len(data) > 0 {
		num, typ, size := protowire.ConsumeTag(data)
		if size < 0 {
			return fmt.Errorf("%w: %w", ErrFormat, protowire.ParseError(size))
		}
		data = data[size:]
		var body []byte
		var n uint64
		switch typ {
		case protowire.BytesType:
			body, size = protowire.ConsumeBytes(data)
		case protowire.VarintType:
			n, size = protowire.ConsumeVarint(data)
		default:
			if size = protowire.ConsumeFieldValue(num, typ, data); size > 0 {
				body = data[:size]
			}
		}
		if size < 0 {
			return fmt.Errorf("%w: %w", ErrFormat, protowire.ParseError(size))
		}
		if err := visit(num, body, n); err != nil {
			return err
		}
		data = data[size:]
	}
	return nil
}
