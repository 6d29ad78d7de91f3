// Package dynamic frees the batch dimension of an ONNX graph whose exporter fixed it at one. Exporters write what they
// saw of the batch into the graph: into its inputs, and as constants into the shapes that values are given. The package
// follows the batch through the graph, operation by operation, and writes those constants anew. It must not know what the
// graph is for. What it cannot follow it refuses; what it frees, its caller compares with the graph at batch one.
package dynamic

import (
	"errors"
	"fmt"

	"github.com/imgsearch/imgsearch/embed/onnx"
)

// Version goes up when another graph comes out.
const Version = 1

var (
	// ErrUnsafe is a graph in which the batch cannot be followed.
	ErrUnsafe = errors.New("the batch cannot be made dynamic")
	// ErrDynamic is a graph whose batch is dynamic already.
	ErrDynamic = errors.New("the batch is dynamic already")
)

// minOpset has Reshape, Expand and Slice as they are used here, with shapes and axes as inputs.
const minOpset = 13

// Batch makes the first dimension of every input and output dynamic. The graph must be fixed at a batch of one; the
// error wraps ErrUnsafe or ErrDynamic, or says what reading the graph met.
func Batch(g *onnx.Graph) error {
	if g.Opset < minOpset {
		return fmt.Errorf("%w: the graph is of opset %d, want %d", ErrUnsafe, g.Opset, minOpset)
	}
	f := &follower{graph: g, values: make(map[string]value)}
	for i := range g.Inputs {
		in := &g.Inputs[i]
		if len(in.Dims) == 0 || in.Dims[0] == onnx.Dynamic {
			return fmt.Errorf("%w: the input %q has shape %v", ErrDynamic, in.Name, in.Dims)
		}
		if in.Dims[0] != 1 {
			return fmt.Errorf("%w: the input %q has a batch of %d", ErrUnsafe, in.Name, in.Dims[0])
		}
		v := value{shape: make([]dim, len(in.Dims))}
		for axis, d := range in.Dims {
			if v.shape[axis] = (dim{before: d, after: 1}); axis == 0 {
				v.shape[axis] = dim{before: 1, batch: true, after: 1}
			} else if d == onnx.Dynamic {
				return fmt.Errorf("%w: the input %q has shape %v", ErrUnsafe, in.Name, in.Dims)
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
	for i := range g.Outputs {
		out := &g.Outputs[i]
		v, ok := f.values[out.Name]
		if !ok || len(v.shape) == 0 || !v.shape[0].alone() {
			return fmt.Errorf("%w: the batch does not reach the output %q", ErrUnsafe, out.Name)
		}
	}
	for i := range g.Inputs {
		g.FreeDim(&g.Inputs[i], 0)
	}
	for i := range g.Outputs {
		if len(g.Outputs[i].Dims) > 0 {
			g.FreeDim(&g.Outputs[i], 0)
		}
	}
	g.Nodes = f.nodes
	g.Weights = append(g.Weights, f.made...)
	return nil
}

// dim is a dimension: before * batch * after, the batch being the minor factor of before and the major one of after; or
// before alone.
type dim struct {
	before int64
	batch  bool
	after  int64
}

func fixed(n int64) dim { return dim{before: n, after: 1} }

// atOne is the dimension at a batch of one.
func (d dim) atOne() int64 { return d.before * d.after }

// alone tells that the dimension is the batch and nothing else.
func (d dim) alone() bool { return d.batch && d.before == 1 && d.after == 1 }

// value is what is known of a value of the graph.
type value struct {
	shape []dim
	// ints are the elements of small tensors of integers, which shapes are computed from; nil: not known. A batch among
	// them is the batch itself.
	ints []dim
}

func (v value) hasBatch() bool {
	for _, d := range v.shape {
		if d.batch {
			return true
		}
	}
	return false
}

// constants returns the elements where all are known and none depends on the batch.
func (v value) constants() ([]int64, bool) {
	if v.ints == nil {
		return nil, false
	}
	list := make([]int64, len(v.ints))
	for i, d := range v.ints {
		if d.batch {
			return nil, false
		}
		list[i] = d.before
	}
	return list, true
}

// follower walks the graph in the order of its nodes.
type follower struct {
	graph  *onnx.Graph
	values map[string]value
	nodes  []*onnx.Node   // the graph's, with changes
	made   []*onnx.Tensor // constants that the changes need
}

// weights notes the shapes of all weights, and the values of those that shapes are made of.
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

// node follows the batch through one operation and keeps the operation, changed where it must be.
func (f *follower) node(n *onnx.Node) error {
	rule, known := rules[n.Op]
	if !known || n.Domain != "" && n.Domain != "ai.onnx" || n.HasGraphs() {
		return unsafe("an operation that is not known here")
	}
	in := make([]value, len(n.Inputs))
	for i, name := range n.Inputs {
		if name == "" {
			continue // an optional input that is left out
		}
		v, ok := f.values[name]
		if !ok {
			return unsafe("the input %q comes from nowhere", name)
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

// call is one operation that is being followed. A rule may put another node in its place, and others before it.
type call struct {
	*follower
	node *onnx.Node
	in   []value
}

// input returns what is known of an input; an operation without it is refused by its caller.
func (c *call) input(i int) (value, error) {
	if i >= len(c.in) || c.node.Inputs[i] == "" {
		return value{}, unsafe("input %d is missing", i)
	}
	return c.in[i], nil
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

// batchOf returns the name of a value [1] that holds the batch, read off a dimension of another.
func (c *call) batchOf(name string, v value) (string, error) {
	for axis, d := range v.shape {
		if d.alone() {
			shape := c.before("Shape", "shape", name)
			return c.before("Slice", "batch", shape, c.ints("from", int64(axis)), c.ints("to", int64(axis)+1)), nil
		}
	}
	return "", unsafe("no dimension of %q is the batch", name)
}
