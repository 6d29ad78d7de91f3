// Package quantize turns the matrix products of an ONNX graph into 8-bit integer ones, for processors that multiply
// integers faster: dynamic quantisation, as ONNX Runtime's Python tool does it (onnxruntime.quantization.
// quantize_dynamic with op_types MatMul, per_channel and QInt8). It must not know what the graph is for.
package quantize

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/imgsearch/imgsearch/embed/onnx"
)

// Version is incremented when the rewriting changes the numbers that a graph returns.
const Version = 1

// ErrNothing reports that a graph has no matrix product that can be quantised.
var ErrNothing = errors.New("the graph has no float32 matrix product with constant weights")

// minOpset is the first opset with DynamicQuantizeLinear; MatMulInteger is one older.
const minOpset = 11

// Options say how weights become integers.
type Options struct {
	// ReduceRange keeps weights to 7 bits: processors without VNNI or a dot product add pairs of products in 16 bits,
	// which 8-bit weights can overflow.
	ReduceRange bool
}

// limit returns the largest quantised weight; the least is -limit.
func (o Options) limit() float32 {
	if o.ReduceRange {
		return 64
	}
	return 127
}

// Dynamic rewrites every product x·W of float32 x and constant W [k,n] to
//
//	q, s, z = DynamicQuantizeLinear(x);  x·W ≈ float(MatMulInteger(q, V, z, 0)) * s * t
//
// with V the weights in int8 and t [n] their scales, max|column| / limit (symmetric, one per column), and writes the
// graph to w. Weights are read, quantised and written one by one. It returns the number of products. A Gemm without
// scaling counts as a product with a bias.
func Dynamic(g *onnx.Graph, w io.Writer, o Options) (int, error) {
	if g.Opset < minOpset {
		return 0, fmt.Errorf("%w: the graph has opset %d, integer products need %d", ErrNothing, g.Opset, minOpset)
	}
	q := &quantizer{graph: g, options: o, weights: make(map[string]*onnx.Tensor), quantised: make(map[string]matrix), inputs: make(map[string]activation)}
	for _, t := range g.Weights {
		q.weights[t.Name] = t
	}
	nodes := make([]*onnx.Node, 0, len(g.Nodes)*2)
	products := 0
	for _, n := range g.Nodes {
		made, err := q.rewrite(n)
		if err != nil {
			return 0, err
		}
		if made == nil {
			nodes = append(nodes, n)
			if n.Op == "Identity" && len(n.Inputs) == 1 && len(n.Outputs) == 1 && q.weights[n.Inputs[0]] != nil {
				q.weights[n.Outputs[0]] = q.weights[n.Inputs[0]] // exporters store equal weights once
			}
			continue
		}
		products++
		nodes = append(nodes, made...)
	}
	if products == 0 {
		return 0, ErrNothing
	}
	g.Nodes = nodes
	g.Weights = append(q.stillUsed(), q.made...)
	return products, g.Write(w)
}

// quantizer rewrites one graph.
type quantizer struct {
	graph     *onnx.Graph
	options   Options
	weights   map[string]*onnx.Tensor
	quantised map[string]matrix     // by the weight's name, with "'" if it was transposed
	inputs    map[string]activation // by the name of a product's left side
	made      []*onnx.Tensor
}

// matrix holds the names of a quantised weight's values, scales and zero points.
type matrix struct{ values, scales, zeros string }

// activation holds the names of a product's left side in integers.
type activation struct{ values, scale, zero string }

// rewrite returns the nodes that replace a node; nil: it stays.
func (q *quantizer) rewrite(n *onnx.Node) ([]*onnx.Node, error) {
	if n.Domain != "" && n.Domain != "ai.onnx" || len(n.Inputs) < 2 || len(n.Outputs) != 1 {
		return nil, nil
	}
	transposed := false
	switch n.Op {
	case "MatMul":
	case "Gemm":
		if n.Float("alpha", 1) != 1 || n.Float("beta", 1) != 1 || n.Int("transA", 0) != 0 {
			return nil, nil
		}
		transposed = n.Int("transB", 0) != 0
	default:
		return nil, nil
	}
	weight := q.weights[n.Inputs[1]]
	if weight == nil || weight.Elem != onnx.Float || len(weight.Dims) != 2 || weight.Len() <= 0 {
		return nil, nil
	}
	if err := q.graph.CheckValues(weight); err != nil {
		return nil, err
	}
	m := q.matrix(weight, transposed)
	var nodes []*onnx.Node
	in, known := q.inputs[n.Inputs[0]]
	if !known {
		in = activation{n.Inputs[0] + "_quantized", n.Inputs[0] + "_scale", n.Inputs[0] + "_zero_point"}
		q.inputs[n.Inputs[0]] = in
		nodes = append(nodes, onnx.NewNode("DynamicQuantizeLinear", n.Inputs[0]+"_QuantizeLinear", n.Inputs[:1], []string{in.values, in.scale, in.zero}))
	}
	out := n.Outputs[0]
	product := out
	if len(n.Inputs) > 2 && n.Inputs[2] != "" {
		product = out + "_product"
	}
	const toFloat = int64(onnx.Float)
	nodes = append(nodes,
		onnx.NewNode("MatMulInteger", n.Name+"_quant", []string{in.values, m.values, in.zero, m.zeros}, []string{out + "_integer"}),
		onnx.NewNode("Cast", n.Name+"_cast", []string{out + "_integer"}, []string{out + "_cast"}).WithInt("to", toFloat),
		onnx.NewNode("Mul", n.Name+"_scales", []string{in.scale, m.scales}, []string{out + "_scales"}),
		onnx.NewNode("Mul", n.Name+"_rescale", []string{out + "_cast", out + "_scales"}, []string{product}),
	)
	if product != out {
		nodes = append(nodes, onnx.NewNode("Add", n.Name+"_bias", []string{product, n.Inputs[2]}, []string{out}))
	}
	return nodes, nil
}

// matrix registers a weight's integers; they are computed when the graph is written.
func (q *quantizer) matrix(t *onnx.Tensor, transposed bool) matrix {
	key := t.Name
	if transposed {
		key += "'"
	}
	if m, ok := q.quantised[key]; ok {
		return m
	}
	m := matrix{key + "_quantized", key + "_scale", key + "_zero_point"}
	q.quantised[key] = m
	k, n := t.Dims[0], t.Dims[1]
	if transposed {
		k, n = n, k
	}
	scales := make([]float32, n)
	q.made = append(q.made,
		// In this order: writing the values computes the scales.
		onnx.NewTensor(m.values, onnx.Int8, []int64{k, n}, func(w io.Writer) error {
			values, err := q.graph.Floats(t)
			if err != nil {
				return err
			}
			if transposed {
				values = transpose(values, int(n), int(k))
			}
			ints, err := columns(values, scales, q.options.limit())
			if err != nil {
				return fmt.Errorf("quantise weight %q: %w", t.Name, err)
			}
			_, err = w.Write(ints)
			return err
		}),
		onnx.NewTensor(m.scales, onnx.Float, []int64{n}, func(w io.Writer) error { return onnx.WriteFloats(w, scales) }),
		onnx.NewTensor(m.zeros, onnx.Int8, []int64{n}, func(w io.Writer) error {
			_, err := w.Write(make([]byte, n))
			return err
		}),
	)
	return m
}

func transpose(values []float32, rows, cols int) []float32 {
	out := make([]float32, len(values))
	for r := range rows {
		for c := range cols {
			out[c*rows+r] = values[r*cols+c]
		}
	}
	return out
}

// columns quantises a matrix of len(scales) columns, row by row, and fills in each column's scale. Halves are rounded
// to the even neighbour, as numpy's rint does.
func columns(values, scales []float32, limit float32) ([]byte, error) {
	n := len(scales)
	for i, v := range values {
		c := i % n
		scales[c] = max(scales[c], float32(math.Abs(float64(v))))
	}
	for c, m := range scales {
		if math.IsNaN(float64(m)) || math.IsInf(float64(m), 0) {
			return nil, errors.New("it has values that are not finite")
		}
		scales[c] = m / limit
		if scales[c] < math.SmallestNonzeroFloat32*(1<<24) { // a column of zeros (or nearly so): any scale will do
			scales[c] = 1
		}
	}
	ints := make([]byte, len(values))
	for i, v := range values {
		x := math.RoundToEven(float64(v / scales[i%n]))
		ints[i] = byte(int8(min(max(x, float64(-limit)), float64(limit))))
	}
	return ints, nil
}

// stillUsed returns the weights that something other than a rewritten product needs.
func (q *quantizer) stillUsed() []*onnx.Tensor {
	used := make(map[string]bool)
	for _, n := range q.graph.Nodes {
		if n.HasGraphs() {
			return q.graph.Weights // the inner graphs may use any
		}
		for _, in := range n.Inputs {
			used[in] = true
		}
	}
	for _, out := range q.graph.Outputs {
		used[out.Name] = true
	}
	return slices.DeleteFunc(slices.Clone(q.graph.Weights), func(t *onnx.Tensor) bool {
		_, quantised := q.quantised[t.Name]
		_, turned := q.quantised[t.Name+"'"]
		return (quantised || turned) && !used[t.Name]
	})
}
