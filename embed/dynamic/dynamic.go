// Package dynamic frees a dimension of an ONNX graph that its exporter fixed: the batch, or the context length of a text
// tower. Exporters write the size that they saw into the graph: into its inputs, and as constants into the shapes that
// values are given. The package follows the dimension through the graph, operation by operation, and rewrites those
// constants. It must not know what the graph is for. It rejects a graph that it cannot follow; the caller compares a freed
// graph with the original.
package dynamic

import (
	"errors"
	"fmt"

	"github.com/imgsearch/imgsearch/embed/onnx"
)

// Version is incremented when the resulting graphs change.
const Version = 1

var (
	// ErrUnsafe reports that the dimension cannot be followed through a graph.
	ErrUnsafe = errors.New("the dimension cannot be made dynamic")
	// ErrDynamic reports that the dimension is already dynamic.
	ErrDynamic = errors.New("the dimension is already dynamic")
)

// minOpset is the least opset that is supported: it has Reshape, Expand and Slice as they are used here, with shapes and axes as inputs.
const minOpset = 13

// Batch makes the first dimension of every input and output dynamic. The graph must be fixed at a batch of one; the
// error wraps ErrUnsafe or ErrDynamic, or comes from reading the graph.
func Batch(g *onnx.Graph) error {
	for _, in := range g.Inputs {
		if len(in.Dims) == 0 || in.Dims[0] == onnx.Dynamic {
			return fmt.Errorf("%w: the input %q has shape %v", ErrDynamic, in.Name, in.Dims)
		}
		if in.Dims[0] != 1 {
			return fmt.Errorf("%w: the input %q has a batch of %d", ErrUnsafe, in.Name, in.Dims[0])
		}
	}
	f := &follower{graph: g}
	if err := f.run(0); err != nil {
		return err
	}
	for i := range g.Outputs {
		out := &g.Outputs[i]
		if v, ok := f.values[out.Name]; !ok || len(v.shape) == 0 || !v.shape[0].alone() {
			return fmt.Errorf("%w: the batch does not reach the output %q", ErrUnsafe, out.Name)
		}
		if len(out.Dims) > 0 {
			g.FreeDim(out, 0)
		}
	}
	return nil
}

// Context makes the second dimension of every input dynamic, the context length of a text tower, and fixes the batch at
// one. The remaining tokens then give the same answers only if tokens do not attend to later ones, which cannot be seen here:
// the caller must compare. Errors are as in Batch.
func Context(g *onnx.Graph) error {
	for i := range g.Inputs {
		in := &g.Inputs[i]
		if len(in.Dims) != 2 || in.Dims[1] != g.Inputs[0].Dims[1] || in.Dims[0] != 1 && in.Dims[0] != onnx.Dynamic {
			return fmt.Errorf("%w: the input %q has shape %v", ErrUnsafe, in.Name, in.Dims)
		}
		if in.Dims[1] == onnx.Dynamic {
			return fmt.Errorf("%w: the input %q has shape %v", ErrDynamic, in.Name, in.Dims)
		}
		g.SetDim(in, 0, 1)
	}
	f := &follower{graph: g, context: true}
	if err := f.run(1); err != nil {
		return err
	}
	for i := range g.Outputs {
		out := &g.Outputs[i]
		if v, ok := f.values[out.Name]; !ok || v.hasFree() || len(v.shape) != 2 {
			return fmt.Errorf("%w: the output %q depends on the context length", ErrUnsafe, out.Name)
		}
		if len(out.Dims) > 0 {
			g.SetDim(out, 0, 1)
		}
	}
	return nil
}

// dim is a dimension: before * free * after, in which the freed dimension is minor to before and major to after; or before
// alone.
type dim struct {
	before int64
	// free is the value at which the exporter fixed the freed dimension; 0: it is not a factor of this one.
	free  int64
	after int64
}

func fixed(n int64) dim { return dim{before: n, after: 1} }

func (d dim) isFree() bool { return d.free != 0 }

// traced returns the dimension as the exporter saw it.
func (d dim) traced() int64 {
	if d.isFree() {
		return d.before * d.free * d.after
	}
	return d.before * d.after
}

// alone reports whether the dimension is the freed one and nothing else.
func (d dim) alone() bool { return d.isFree() && d.before == 1 && d.after == 1 }

// value is what is known about a value of the graph.
type value struct {
	shape []dim
	// ints are the elements of small tensors of integers, which shapes are computed from; nil: not known. The freed
	// dimension may be among them.
	ints []dim
}

func (v value) hasFree() bool {
	for _, d := range v.shape {
		if d.isFree() {
			return true
		}
	}
	return false
}

// constants returns the elements if all are known and none depends on the freed dimension.
func (v value) constants() ([]int64, bool) {
	if v.ints == nil {
		return nil, false
	}
	list := make([]int64, len(v.ints))
	for i, d := range v.ints {
		if d.isFree() {
			return nil, false
		}
		list[i] = d.before
	}
	return list, true
}

// follower walks the graph in the order of its nodes.
type follower struct {
	graph   *onnx.Graph
	context bool // what is freed is the context length, not the batch
	axis    int  // of the inputs
	values  map[string]value
	nodes   []*onnx.Node   // the graph's, with changes
	head    []*onnx.Node   // what goes before all of them
	made    []*onnx.Tensor // constants that the changes need
}

// run follows an axis of the inputs through the graph and changes it.
func (f *follower) run(axis int) error {
	g := f.graph
	if g.Opset < minOpset {
		return unsafe("the graph has opset %d, want at least %d", g.Opset, minOpset)
	}
	f.axis, f.values = axis, make(map[string]value)
	for _, in := range g.Inputs {
		v := value{shape: make([]dim, len(in.Dims))}
		for i, d := range in.Dims {
			if d == onnx.Dynamic {
				return unsafe("the input %q has shape %v", in.Name, in.Dims)
			}
			if v.shape[i] = fixed(d); i == axis {
				v.shape[i] = dim{before: 1, free: d, after: 1}
			}
		}
		f.values[in.Name] = v
	}
	if err := f.weights(); err != nil {
		return err
	}
	for _, n := range g.Nodes {
		if err := f.node(n); err != nil {
			return fmt.Errorf("%s %q: %w", n.Op, n.Name, err)
		}
	}
	for i := range g.Inputs {
		g.FreeDim(&g.Inputs[i], axis)
	}
	g.Nodes = append(f.head, f.nodes...)
	g.Weights = append(g.Weights, f.made...)
	return nil
}

// weights records the shapes of all weights, and the values of those that shapes are made of.
func (f *follower) weights() error {
	for _, w := range f.graph.Weights {
		ints, ok, err := f.graph.Ints(w)
		if err != nil {
			return err
		}
		if !ok {
			ints = nil
		}
		f.values[w.Name] = constant(w.Dims, ints)
	}
	return nil
}

func constant(dims, ints []int64) value {
	v := value{shape: fixedDims(dims)}
	if ints != nil {
		v.ints = fixedDims(ints)
	}
	return v
}

func fixedDims(list []int64) []dim {
	dims := make([]dim, len(list))
	for i, n := range list {
		dims[i] = fixed(n)
	}
	return dims
}

func unsafe(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrUnsafe}, args...)...)
}

// mixes returns the error for an operation that would mix elements along the freed dimension.
func mixes() error { return unsafe("it would mix elements along the freed dimension") }

// size returns the name of a value [1] that holds the freed dimension, taken from the first input.
func (f *follower) size() string {
	const name = "imgsearch_size"
	if f.head == nil {
		from, to := onnx.NewInts(name+"_from", int64(f.axis)), onnx.NewInts(name+"_to", int64(f.axis)+1)
		f.made = append(f.made, from, to)
		f.head = []*onnx.Node{
			onnx.NewNode("Shape", name+"_shape", []string{f.graph.Inputs[0].Name}, []string{name + "_shape"}),
			onnx.NewNode("Slice", name, []string{name + "_shape", from.Name, to.Name}, []string{name}),
		}
	}
	return name
}

// node follows the dimension through one operation and keeps the operation, changed if necessary.
func (f *follower) node(n *onnx.Node) error {
	rule, known := rules[n.Op]
	if !known || n.Domain != "" && n.Domain != "ai.onnx" || n.HasGraphs() {
		return unsafe("the operation is not supported")
	}
	in := make([]value, len(n.Inputs))
	for i, name := range n.Inputs {
		if name == "" {
			continue // an optional input that is left out
		}
		v, ok := f.values[name]
		if !ok {
			return unsafe("the input %q is not defined", name)
		}
		in[i] = v
	}
	if len(n.Outputs) == 0 {
		return unsafe("no output")
	}
	c := &call{follower: f, node: n, in: in}
	out, err := rule(c)
	if err != nil {
		return err
	}
	f.nodes = append(f.nodes, c.node)
	for _, name := range n.Outputs {
		if name != "" {
			f.values[name] = out
		}
	}
	return nil
}

// call is one operation that is being followed. A rule may replace the node, and put others before it.
type call struct {
	*follower
	node *onnx.Node
	in   []value
}

// input returns what is known about an input; an error if the operation does not have it.
func (c *call) input(i int) (value, error) {
	if i >= len(c.in) || c.node.Inputs[i] == "" {
		return value{}, unsafe("input %d is missing", i)
	}
	return c.in[i], nil
}

// two returns what is known about the first two inputs.
func (c *call) two() (a, b value, err error) {
	if a, err = c.input(0); err == nil {
		b, err = c.input(1)
	}
	return a, b, err
}

// intsOf returns the constants of an input.
func (c *call) intsOf(i int) ([]int64, error) {
	v, err := c.input(i)
	if err != nil {
		return nil, err
	}
	list, ok := v.constants()
	if !ok {
		return nil, unsafe("input %d is not constant", i)
	}
	return list, nil
}

// replaceInput gives the node another input.
func (c *call) replaceInput(i int, name string) {
	inputs := append([]string(nil), c.node.Inputs...)
	inputs[i] = name
	c.node = c.node.WithInputs(inputs...)
}

// ints makes a constant.
func (c *call) ints(role string, values ...int64) string {
	t := onnx.NewInts(c.node.Outputs[0]+"_"+role, values...)
	c.made = append(c.made, t)
	return t.Name
}

// before puts an operation before the node and returns its output.
func (c *call) before(op, role string, inputs ...string) string {
	out := c.node.Outputs[0] + "_" + role
	c.nodes = append(c.nodes, onnx.NewNode(op, out, inputs, []string{out}))
	return out
}
