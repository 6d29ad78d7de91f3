package dynamic

import (
	"fmt"
	"slices"
)

// rule tells what an operation makes of its inputs. Of several outputs only those of equal shape are told.
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
	return value{}, unsafe("a constant of another kind")
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
		return value{}, unsafe("an odd range")
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

// rowwise operations mix the elements from an axis on. The batch must not be among them; of the context length, tokens that
// are left out count for nothing in a softmax where others may not look at them.
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
				return nil, unsafe("shapes %v and %v do not meet", out, s)
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

// cutTo cuts a constant input, such as the embeddings of positions or the mask, to the freed dimension where it meets it: it
// has the length that the exporter saw.
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
		// The freed dimension is a positive number, which no sign of a shape (-1) equals.
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

func matMul(c *call) (value, error) {
	a, b, err := c.two()
	if err != nil {
		return value{}, err
	}
	m, n := len(a.shape), len(b.shape)
	if m < 2 || n < 2 || a.shape[m-1] != b.shape[n-2] || a.shape[m-1].isFree() && !c.context {
		return value{}, unsafe("shapes %v and %v do not meet", a.shape, b.shape)
	}
	outer, err := broadcast(a.shape[:m-2], b.shape[:n-2])
	return value{shape: append(slices.Clone(outer), a.shape[m-2], b.shape[n-1])}, err
}

func gemm(c *call) (value, error) {
	a, b, err := c.two()
	if err != nil {
		return value{}, err
	}
	if len(a.shape) != 2 || len(b.shape) != 2 {
		return value{}, unsafe("shapes %v and %v", a.shape, b.shape)
	}
	m, k := a.shape[0], a.shape[1]
	if c.node.Int("transA", 0) != 0 {
		m, k = k, m
	}
	k2, n := b.shape[0], b.shape[1]
	if c.node.Int("transB", 0) != 0 {
		k2, n = n, k2
	}
	if k != k2 || k.isFree() {
		return value{}, unsafe("shapes %v and %v do not meet", a.shape, b.shape)
	}
	return value{shape: []dim{m, n}}, nil
}

// conv covers convolutions and pooling: [n,c,spatial...].
func conv(c *call) (value, error) {
	in, err := c.input(0)
	if err != nil {
		return in, err
	}
	spatial := len(in.shape) - 2
	if spatial < 1 {
		return value{}, unsafe("shape %v", in.shape)
	}
	channels := in.shape[1]
	kernel := c.node.Ints("kernel_shape")
	if c.node.Op == "Conv" {
		w, err := c.input(1)
		if err != nil {
			return w, err
		}
		if len(w.shape) != spatial+2 || w.hasFree() {
			return value{}, unsafe("weights of shape %v", w.shape)
		}
		channels = w.shape[0]
		kernel = nil
		for _, d := range w.shape[2:] {
			kernel = append(kernel, d.before)
		}
	}
	auto := c.node.Text("auto_pad")
	if len(kernel) != spatial || auto != "" && auto != "NOTSET" || c.node.Int("ceil_mode", 0) != 0 {
		return value{}, unsafe("kernel %v, padding %q", kernel, auto)
	}
	attribute := func(name string, n int, def int64) []int64 {
		if list := c.node.Ints(name); len(list) == n {
			return list
		}
		return slices.Repeat([]int64{def}, n)
	}
	strides, dilations, pads := attribute("strides", spatial, 1), attribute("dilations", spatial, 1), attribute("pads", 2*spatial, 0)
	out := value{shape: []dim{in.shape[0], channels}}
	for i := range spatial {
		d := in.shape[2+i]
		if d.isFree() || strides[i] < 1 {
			return value{}, unsafe("shape %v, strides %v", in.shape, strides)
		}
		size := (d.before+pads[i]+pads[spatial+i]-dilations[i]*(kernel[i]-1)-1)/strides[i] + 1
		out.shape = append(out.shape, fixed(size))
	}
	return out, nil
}

func globalPool(c *call) (value, error) {
	in, err := c.input(0)
	if err != nil || len(in.shape) < 3 {
		return in, unsafe("shape %v", in.shape)
	}
	out := slices.Clone(in.shape)
	for i := 2; i < len(out); i++ {
		if out[i].isFree() {
			return in, mixes()
		}
		out[i] = fixed(1)
	}
	return value{shape: out}, nil
}

// reduce covers reductions over axes, in an attribute or an input.
func reduce(c *call) (value, error) {
	in, err := c.input(0)
	if err != nil {
		return in, err
	}
	axes := c.node.Ints("axes")
	if c.node.Op == "ArgMax" {
		axes = []int64{c.node.Int("axis", 0)}
	} else if len(c.node.Inputs) > 1 && c.node.Inputs[1] != "" {
		if axes, err = c.intsOf(1); err != nil {
			return in, err
		}
	}
	if len(axes) == 0 {
		return in, mixes()
	}
	over := make(map[int]bool)
	for _, a := range axes {
		over[axisOf(a, len(in.shape))] = true
	}
	var out []dim
	for i, d := range in.shape {
		switch {
		case !over[i]:
			out = append(out, d)
		case d.isFree() && (!c.context || c.node.Op != "ArgMax" && c.node.Op != "ReduceSum"):
			// Of the context length, a token's place stays where tokens behind it go, and what is masked adds nothing.
			return in, mixes()
		case c.node.Int("keepdims", 1) != 0:
			out = append(out, fixed(1))
		}
	}
	return value{shape: out}, nil
}

func pad(c *call) (value, error) {
	in, err := c.input(0)
	if err != nil {
		return in, err
	}
	pads, err := c.intsOf(1)
	if err != nil || len(pads) != 2*len(in.shape) || len(c.node.Inputs) > 3 && c.node.Inputs[3] != "" {
		return in, unsafe("padding %v of shape %v", pads, in.shape)
	}
	out := slices.Clone(in.shape)
	for i, d := range in.shape {
		by := pads[i] + pads[len(in.shape)+i]
		if d.isFree() && (by != 0 || pads[i] != 0) {
			return in, mixes()
		}
		if !d.isFree() {
			out[i] = fixed(d.before + by)
		}
	}
	return value{shape: out}, nil
}
