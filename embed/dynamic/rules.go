package dynamic

import (
	"fmt"
	"slices"
)

// rule returns what is known about an operation's output. Several outputs must have equal shapes.
type rule func(*call) (value, error)

// rules are the operations of vision and text towers as PyTorch exports them (ONNX operators, opset 13 and later).
var rules = map[string]rule{
	"Constant": constantNode, "ConstantOfShape": constantOfShape, "Shape": shapeOf, "Range": rangeOf,
	"Identity": same, "Cast": same,
	"Sqrt": sameShape, "Erf": sameShape, "Clip": sameShape, "Relu": sameShape, "Sigmoid": sameShape, "Tanh": sameShape,
	"Neg": sameShape, "Exp": sameShape, "Not": sameShape, "Gelu": sameShape, "HardSigmoid": sameShape, "HardSwish": sameShape,
	"Reciprocal": sameShape, "LayerNormalization": rowwise, "Softmax": rowwise, "BatchNormalization": sameShape,
	"Add": arithmetic, "Sub": arithmetic, "Mul": arithmetic, "Div": arithmetic, "Mod": arithmetic, "Equal": arithmetic,
	"Pow": arithmetic, "Min": arithmetic, "Max": arithmetic, "Less": arithmetic, "And": arithmetic, "Where": where,
	"MatMul": matMul, "Gemm": gemm, "Conv": conv, "AveragePool": conv, "MaxPool": conv, "GlobalAveragePool": globalPool,
	"Reshape": reshape, "Flatten": flatten, "Transpose": transpose, "Unsqueeze": unsqueeze, "Squeeze": squeeze,
	"Concat": concat, "Expand": expand, "Slice": slice, "Split": split, "Gather": gather, "Pad": pad,
	"ArgMax": reduce, "ReduceL2": reduce, "ReduceMean": reduce, "ReduceSum": reduce, "ReduceMax": reduce,
}

func constantNode(c *call) (value, error) {
	if t, ok, err := c.node.Constant("value"); err != nil || ok {
		if len(t.Ints) > 1<<10 {
			t.Ints = nil
		}
		return constant(t.Dims, t.Ints), err
	}
	if list := c.node.Ints("value_ints"); list != nil {
		return constant([]int64{int64(len(list))}, list), nil
	}
	return value{}, unsafe("this kind of constant is not supported")
}

func constantOfShape(c *call) (value, error) {
	in, err := c.input(0)
	if err != nil || in.ints == nil {
		return value{}, unsafe("its shape is not known")
	}
	v := value{shape: in.ints}
	fill, _, err := c.node.Constant("value")
	if len(in.ints) == 1 && !in.ints[0].isFree() && in.ints[0].before <= 64 && len(fill.Ints) == 1 {
		v.ints = slices.Repeat([]dim{fixed(fill.Ints[0])}, int(in.ints[0].before))
	}
	return v, err
}

func shapeOf(c *call) (value, error) {
	in, err := c.input(0)
	if err != nil {
		return value{}, err
	}
	from, to := axisOf(c.node.Int("start", 0), len(in.shape)), axisOf(c.node.Int("end", int64(len(in.shape))), len(in.shape))
	if from < 0 || to > len(in.shape) || from > to {
		return value{}, unsafe("dimensions %d to %d", from, to)
	}
	return value{shape: []dim{fixed(int64(to - from))}, ints: in.shape[from:to]}, nil
}

// axisOf counts negative axes from the end.
func axisOf(axis int64, rank int) int {
	if axis < 0 {
		axis += int64(rank)
	}
	return int(axis)
}

func rangeOf(c *call) (value, error) {
	from, err := c.intsOf(0)
	if err != nil {
		return value{}, err
	}
	to, err := c.intsOf(1)
	if err != nil {
		return value{}, err
	}
	step, err := c.intsOf(2)
	if err != nil {
		return value{}, err
	}
	if len(from) != 1 || len(to) != 1 || len(step) != 1 || step[0] < 1 || to[0] < from[0] || to[0]-from[0] > 1<<16 {
		return value{}, unsafe("this range is not supported")
	}
	var list []int64
	for i := from[0]; i < to[0]; i += step[0] {
		list = append(list, i)
	}
	return constant([]int64{int64(len(list))}, list), nil
}

func same(c *call) (value, error) { return c.input(0) }

func sameShape(c *call) (value, error) {
	in, err := c.input(0)
	return value{shape: in.shape}, err
}

// rowwise operations mix the elements from an axis on. The batch must not be among them. The context length may be, in a softmax:
// tokens that are left out contribute nothing if the other tokens may not attend to them.
func rowwise(c *call) (value, error) {
	in, err := c.input(0)
	if err != nil {
		return in, err
	}
	axis := axisOf(c.node.Int("axis", -1), len(in.shape))
	last := len(in.shape) // LayerNormalization: all from the axis on
	if c.node.Op == "Softmax" {
		last = axis + 1
	}
	if axis < 0 || axis >= len(in.shape) {
		return in, unsafe("axis %d of %d", axis, len(in.shape))
	}
	for _, d := range in.shape[axis:last] {
		if d.isFree() && (!c.context || c.node.Op != "Softmax") {
			return in, mixes()
		}
	}
	return value{shape: in.shape}, nil
}

// broadcast aligns shapes from the right, as ONNX does.
func broadcast(shapes ...[]dim) ([]dim, error) {
	var out []dim
	for _, s := range shapes {
		for len(out) < len(s) {
			out = append([]dim{fixed(1)}, out...)
		}
		at := len(out) - len(s)
		for i, d := range s {
			switch {
			case out[at+i] == fixed(1):
				out[at+i] = d
			case d != fixed(1) && d != out[at+i]:
				return nil, unsafe("shapes %v and %v do not match", out, s)
			}
		}
	}
	return out, nil
}

func arithmetic(c *call) (value, error) {
	a, b, err := c.two()
	if err != nil {
		return value{}, err
	}
	c.cutTo(0, b.shape)
	c.cutTo(1, a.shape)
	shape, err := broadcast(c.in[0].shape, c.in[1].shape)
	if err != nil {
		return value{}, err
	}
	return value{shape: shape, ints: c.compute(a.ints, b.ints)}, nil
}

// cutTo cuts a constant input, such as the embeddings of positions or the mask, to the freed dimension where the other input has
// it: the constant has the length that the exporter saw.
func (c *call) cutTo(i int, other []dim) {
	in := &c.in[i]
	if in.hasFree() {
		return
	}
	for axis := range in.shape {
		at := len(other) - len(in.shape) + axis
		if at < 0 || !other[at].alone() || in.shape[axis] != fixed(other[at].free) || other[at].free == 1 {
			continue
		}
		role := fmt.Sprintf("cut%d_%d", i, axis)
		from, along := c.ints(role+"_from", 0), c.ints(role+"_axis", int64(axis))
		c.replaceInput(i, c.before("Slice", role, c.node.Inputs[i], from, c.size(), along))
		in.shape = slices.Clone(in.shape)
		in.shape[axis] = other[at]
	}
}

// compute does arithmetic on the numbers that shapes are made of; nil: the result is not known.
func (c *call) compute(a, b []dim) []dim {
	if len(a) == 0 || len(b) == 0 || len(a) != len(b) && len(a) != 1 && len(b) != 1 {
		return nil
	}
	out := make([]dim, max(len(a), len(b)))
	for i := range out {
		d, ok := computeOne(c.node.Op, a[min(i, len(a)-1)], b[min(i, len(b)-1)])
		if !ok {
			return nil
		}
		out[i] = d
	}
	return out
}

func computeOne(op string, x, y dim) (dim, bool) {
	switch {
	case op == "Equal":
		if x == y && !x.isFree() {
			return fixed(1), true
		}
		// The freed dimension is a positive number, which never equals a special value in a shape (-1).
		return fixed(0), !x.isFree() && !y.isFree() || x.isFree() && y.before < 0 || y.isFree() && x.before < 0
	case op == "Mul" && (x.isFree() != y.isFree()):
		if y.isFree() {
			x, y = y, x
		}
		return dim{before: x.before, free: x.free, after: x.after * y.before}, y.before > 0
	case x.isFree() || y.isFree():
		return dim{}, false
	}
	a, b := x.before, y.before
	switch op {
	case "Add":
		return fixed(a + b), true
	case "Sub":
		return fixed(a - b), true
	case "Mul":
		return fixed(a * b), true
	case "Div":
		if b != 0 {
			return fixed(a / b), true
		}
	case "Mod":
		if b > 0 && a >= 0 {
			return fixed(a % b), true
		}
	}
	return dim{}, false
}

func where(c *call) (value, error) {
	var in [3]value
	for i := range in {
		v, err := c.input(i)
		if err != nil {
			return v, err
		}
		in[i] = v
	}
	shape, err := broadcast(in[0].shape, in[1].shape, in[2].shape)
	if err != nil {
		return value{}, err
	}
	v := value{shape: shape}
	cond, known := in[0].constants()
	if known && len(in[1].ints) == len(cond) && len(in[2].ints) == len(cond) {
		for i, yes := range cond {
			if yes != 0 {
				v.ints = append(v.ints, in[1].ints[i])
			} else {
				v.ints = append(v.ints, in[2].ints[i])
			}
		}
	}
	return v, nil
}
