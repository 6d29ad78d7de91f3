package onnx

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"
)

// The field numbers of onnx.proto3 that are read and written here.
const (
	modelGraph = 7
	modelOpset = 8

	graphNode        = 1
	graphInitializer = 5
	graphInput       = 11
	graphOutput      = 12
	graphValue       = 13

	nodeInput     = 1
	nodeOutput    = 2
	nodeName      = 3
	nodeOp        = 4
	nodeAttribute = 5
	nodeDomain    = 7

	attributeName   = 1
	attributeFloat  = 2
	attributeInt    = 3
	attributeString = 4
	attributeTensor = 5
	attributeGraph  = 6
	attributeInts   = 8
	attributeType   = 20

	tensorDims     = 1
	tensorType     = 2
	tensorFloats   = 4
	tensorInt32s   = 5
	tensorInt64s   = 7
	tensorName     = 8
	tensorRaw      = 9
	tensorExternal = 13
	tensorLocation = 14
)

// Tensor is a weight of a graph: in the file, next to it, or to be written.
type Tensor struct {
	Name string
	Elem ElemType
	Dims []int64

	field    span // the whole tensor in the file, to be copied
	data     span // its values there, little-endian; absent if location is set
	location string
	offset   int64
	size     int64 // in the file at location; 0: to its end
	// write writes the values of a tensor that is not from a file, Len() elements.
	write func(io.Writer) error
}

// NewTensor returns a tensor whose values are written by write when the graph is written: Len elements of elem, little-endian.
func NewTensor(name string, elem ElemType, dims []int64, write func(io.Writer) error) *Tensor {
	return &Tensor{Name: name, Elem: elem, Dims: dims, write: write}
}

// Len returns the number of elements; -1 if the dimensions are invalid.
func (t *Tensor) Len() int64 {
	n := int64(1)
	for _, d := range t.Dims {
		if d < 0 || d > 0 && n > math.MaxInt32*int64(64)/d {
			return -1
		}
		n *= d
	}
	return n
}

// Element types that weights may have and towers' inputs do not.
const (
	boolean ElemType = 9
	double  ElemType = 11
)

func elemSize(e ElemType) int64 {
	switch e {
	case Uint8, Int8, boolean:
		return 1
	case Float16:
		return 2
	case Float, Int32:
		return 4
	case Int64, double:
		return 8
	}
	return 0
}

// readTensor reads a TensorProto without its values.
func readTensor(s *stream, field span) (Tensor, error) {
	t := Tensor{field: field}
	external := false
	err := s.enter(field, func(f span) error {
		switch f.num {
		case tensorDims:
			return readDims(s, f, &t)
		case tensorType:
			t.Elem = ElemType(f.n)
		case tensorName:
			name, err := s.bytes(f)
			t.Name = string(name)
			return err
		case tensorRaw, tensorFloats, tensorInt32s, tensorInt64s:
			t.data = f
		case tensorExternal:
			return readExternal(s, f, &t)
		case tensorLocation:
			external = f.n == 1
		}
		return nil
	})
	if !external {
		t.location = ""
	}
	return t, err
}

// maxRank bounds the dimensions of a weight.
const maxRank = 32

func readDims(s *stream, f span, t *Tensor) error {
	if len(t.Dims) > maxRank || f.typ == protowire.BytesType && f.length() > 10*maxRank {
		return fmt.Errorf("%w: a weight of more than %d dimensions", ErrFormat, maxRank)
	}
	if f.typ == protowire.VarintType {
		t.Dims = append(t.Dims, int64(f.n))
		return nil
	}
	packed, err := s.bytes(f)
	for err == nil && len(packed) > 0 {
		d, n := protowire.ConsumeVarint(packed)
		if n < 0 {
			return fmt.Errorf("%w: %w", ErrFormat, protowire.ParseError(n))
		}
		t.Dims = append(t.Dims, int64(d))
		packed = packed[n:]
	}
	return err
}

// readExternal reads one key with its value: location, offset, length, checksum.
func readExternal(s *stream, f span, t *Tensor) error {
	entry, err := s.bytes(f)
	if err != nil {
		return err
	}
	var key, value string
	if err := fields(entry, func(num protowire.Number, body []byte, _ uint64) error {
		switch num {
		case 1:
			key = string(body)
		case 2:
			value = string(body)
		}
		return nil
	}); err != nil {
		return err
	}
	switch key {
	case "location":
		t.location = value
	case "offset":
		t.offset, err = strconv.ParseInt(value, 10, 64)
	case "length":
		t.size, err = strconv.ParseInt(value, 10, 64)
	}
	if err != nil || t.offset < 0 || t.size < 0 {
		return fmt.Errorf("%w: weights stored outside the graph's file have an invalid %s %q", ErrFormat, key, value)
	}
	return nil
}

// appendTensorHead appends a TensorProto without its values.
func appendTensorHead(b []byte, t *Tensor) []byte {
	for _, d := range t.Dims {
		b = protowire.AppendVarint(protowire.AppendTag(b, tensorDims, protowire.VarintType), uint64(d))
	}
	b = protowire.AppendVarint(protowire.AppendTag(b, tensorType, protowire.VarintType), uint64(t.Elem))
	return protowire.AppendString(protowire.AppendTag(b, tensorName, protowire.BytesType), t.Name)
}

// appendOutside appends a reference to the file that holds a tensor's values.
func appendOutside(b []byte, location string, offset, length int64) []byte {
	for _, entry := range [][2]string{{"location", location}, {"offset", strconv.FormatInt(offset, 10)}, {"length", strconv.FormatInt(length, 10)}} {
		pair := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), entry[0])
		pair = protowire.AppendString(protowire.AppendTag(pair, 2, protowire.BytesType), entry[1])
		b = protowire.AppendBytes(protowire.AppendTag(b, tensorExternal, protowire.BytesType), pair)
	}
	return protowire.AppendVarint(protowire.AppendTag(b, tensorLocation, protowire.VarintType), 1)
}

// appendInts appends a field of repeated integers, packed in body, or a single one in v.
func appendInts(values []int64, body []byte, v uint64) []int64 {
	if body == nil {
		return append(values, int64(v))
	}
	for len(body) > 0 {
		x, n := protowire.ConsumeVarint(body)
		if n < 0 {
			return values
		}
		values = append(values, int64(x))
		body = body[n:]
	}
	return values
}

// rawInts reads little-endian integers or booleans; for other element types it returns none.
func rawInts(elem ElemType, raw []byte) ([]int64, error) {
	size := int(elemSize(elem))
	switch elem {
	case Int64, Int32, Int8, Uint8, boolean:
	default:
		return nil, nil
	}
	if len(raw)%size != 0 {
		return nil, fmt.Errorf("%w: %d bytes of %v", ErrFormat, len(raw), elem)
	}
	values := make([]int64, 0, len(raw)/size)
	for ; len(raw) > 0; raw = raw[size:] {
		switch elem {
		case Int64:
			values = append(values, int64(binary.LittleEndian.Uint64(raw)))
		case Int32:
			values = append(values, int64(int32(binary.LittleEndian.Uint32(raw))))
		case Int8:
			values = append(values, int64(int8(raw[0])))
		default:
			values = append(values, int64(raw[0]))
		}
	}
	return values, nil
}

// NewInts returns a tensor of 64-bit integers in one dimension.
func NewInts(name string, values ...int64) *Tensor {
	return NewTensor(name, Int64, []int64{int64(len(values))}, func(w io.Writer) error {
		return binary.Write(w, binary.LittleEndian, values)
	})
}

// WriteFloats writes values as little-endian float32.
func WriteFloats(w io.Writer, values []float32) error {
	buf := make([]byte, 0, 4*len(values))
	for _, v := range values {
		buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
	}
	_, err := w.Write(buf)
	return err
}
