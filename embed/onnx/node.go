package onnx

import (
	"encoding/binary"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Node is one operation. Its attributes stay as they are in the file.
type Node struct {
	Name, Op, Domain string
	Inputs, Outputs  []string

	raw []byte // the message as it was read; nil: the node was made here, and has only the attributes in attributes
	// attributes are serialised AttributeProtos.
	attributes [][]byte
}

func readNode(raw []byte) (*Node, error) {
	n := &Node{raw: raw}
	err := fields(raw, func(num protowire.Number, body []byte, _ uint64) error {
		switch num {
		case nodeInput:
			n.Inputs = append(n.Inputs, string(body))
		case nodeOutput:
			n.Outputs = append(n.Outputs, string(body))
		case nodeName:
			n.Name = string(body)
		case nodeOp:
			n.Op = string(body)
		case nodeDomain:
			n.Domain = string(body)
		case nodeAttribute:
			n.attributes = append(n.attributes, body)
		}
		return nil
	})
	return n, err
}

// Int returns an integer attribute, or def where the node has none of that name.
func (n *Node) Int(name string, def int64) int64 {
	value := def
	n.attribute(name, func(num protowire.Number, _ []byte, v uint64) {
		if num == attributeInt {
			value = int64(v)
		}
	})
	return value
}

// Float returns a float attribute, or def where the node has none of that name.
func (n *Node) Float(name string, def float32) float32 {
	value := def
	n.attribute(name, func(num protowire.Number, body []byte, _ uint64) {
		if num == attributeFloat && len(body) == 4 {
			value = math.Float32frombits(binary.LittleEndian.Uint32(body))
		}
	})
	return value
}

// HasGraphs reports whether the node contains graphs (If, Loop), which can use this graph's values.
func (n *Node) HasGraphs() bool {
	found := false
	for _, a := range n.attributes {
		_ = fields(a, func(num protowire.Number, _ []byte, _ uint64) error {
			found = found || num == attributeGraph
			return nil
		})
	}
	return found
}

func (n *Node) attribute(name string, field func(num protowire.Number, body []byte, v uint64)) {
	for _, a := range n.attributes {
		is := false
		// The attribute was read before without an error, so this succeeds too.
		_ = fields(a, func(num protowire.Number, body []byte, _ uint64) error {
			is = is || num == attributeName && string(body) == name
			return nil
		})
		if is {
			_ = fields(a, func(num protowire.Number, body []byte, v uint64) error {
				field(num, body, v)
				return nil
			})
		}
	}
}

// Ints returns a list of integers, or nil where the node has none of that name.
func (n *Node) Ints(name string) []int64 {
	var values []int64
	n.attribute(name, func(num protowire.Number, body []byte, v uint64) {
		if num == attributeInts {
			values = appendInts(values, body, v)
		}
	})
	return values
}

// Text returns a string attribute, or "".
func (n *Node) Text(name string) string {
	text := ""
	n.attribute(name, func(num protowire.Number, body []byte, _ uint64) {
		if num == attributeString {
			text = string(body)
		}
	})
	return text
}

// Constant is a tensor that is stored in a node's attribute.
type Constant struct {
	Elem ElemType
	Dims []int64
	// Ints are the values, if they are integers or booleans.
	Ints []int64
}

// Constant returns a tensor attribute; ok is false where the node has none of that name. The error wraps ErrFormat.
func (n *Node) Constant(name string) (c Constant, ok bool, err error) {
	n.attribute(name, func(num protowire.Number, body []byte, _ uint64) {
		if num == attributeTensor && err == nil {
			ok = true
			c, err = readConstant(body)
		}
	})
	return c, ok, err
}

func readConstant(data []byte) (Constant, error) {
	var c Constant
	var raw []byte
	err := fields(data, func(num protowire.Number, body []byte, v uint64) error {
		switch num {
		case tensorDims:
			c.Dims = appendInts(c.Dims, body, v)
		case tensorType:
			c.Elem = ElemType(v)
		case tensorInt32s, tensorInt64s:
			c.Ints = appendInts(c.Ints, body, v)
		case tensorRaw:
			raw = body
		}
		return nil
	})
	if err == nil && raw != nil {
		c.Ints, err = rawInts(c.Elem, raw)
	}
	return c, err
}

// WithInputs returns a copy of the node with other inputs.
func (n *Node) WithInputs(inputs ...string) *Node {
	return &Node{Name: n.Name, Op: n.Op, Domain: n.Domain, Inputs: inputs, Outputs: n.Outputs, attributes: n.attributes}
}

// NewNode returns an operation without attributes.
func NewNode(op, name string, inputs, outputs []string) *Node {
	return &Node{Op: op, Name: name, Inputs: inputs, Outputs: outputs}
}

// WithInt adds an integer attribute to a node made by NewNode.
func (n *Node) WithInt(name string, value int64) *Node {
	const typeInt = 2 // AttributeProto.AttributeType.INT
	a := protowire.AppendString(protowire.AppendTag(nil, attributeName, protowire.BytesType), name)
	a = protowire.AppendVarint(protowire.AppendTag(a, attributeInt, protowire.VarintType), uint64(value))
	a = protowire.AppendVarint(protowire.AppendTag(a, attributeType, protowire.VarintType), typeInt)
	n.attributes = append(n.attributes, a)
	return n
}

func (n *Node) bytes() []byte {
	if n.raw != nil {
		return n.raw
	}
	var b []byte
	str := func(num protowire.Number, s string) {
		b = protowire.AppendString(protowire.AppendTag(b, num, protowire.BytesType), s)
	}
	for _, in := range n.Inputs {
		str(nodeInput, in)
	}
	for _, out := range n.Outputs {
		str(nodeOutput, out)
	}
	str(nodeName, n.Name)
	str(nodeOp, n.Op)
	if n.Domain != "" {
		str(nodeDomain, n.Domain)
	}
	for _, a := range n.attributes {
		b = protowire.AppendBytes(protowire.AppendTag(b, nodeAttribute, protowire.BytesType), a)
	}
	return b
}
