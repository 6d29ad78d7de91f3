package dynamic

import (
	"math"
	"slices"

	"github.com/imgsearch/imgsearch/embed/onnx"
)

// concat joins values along an axis. If some inputs have the batch, those without it are repeated for each picture.
func concat(c *call) (value, error) {
	if len(c.in) == 0 {
		return value{}, unsafe("no inputs")
	}
	rank := len(c.in[0].shape)
	axis := axisOf(c.node.Int("axis", 0), rank)
	if axis < 0 || axis >= rank {
		return value{}, unsafe("axis %d", axis)
	}
	out := value{shape: slices.Clone(c.in[0].shape), ints: []dim{}}
	sum, batched := int64(0), false
	for _, v := range c.in {
		if len(v.shape) != rank || v.shape[axis].isFree() {
			return value{}, unsafe("shapes %v and %v, axis %d", out.shape, v.shape, axis)
		}
		sum += v.shape[axis].before
		if v.hasFree() {
			batched = true
			out.shape = slices.Clone(v.shape)
		}
		if v.ints == nil || rank != 1 || out.ints == nil {
			out.ints = nil
		} else {
			out.ints = append(out.ints, v.ints...)
		}
	}
	out.shape[axis] = fixed(sum)
	for i, v := range c.in {
		want := slices.Clone(out.shape)
		want[axis] = v.shape[axis]
		if slices.Equal(v.shape, want) {
			continue
		}
		if !batched || v.hasFree() || c.context {
			return value{}, unsafe("shapes %v and %v", v.shape, want)
		}
		if err := c.repeat(i, want); err != nil {
			return value{}, err
		}
	}
	return out, nil
}

// repeat expands an input to the shape want.
func (c *call) repeat(i int, want []dim) error {
	if got, err := broadcast(c.in[i].shape, want); err != nil || !slices.Equal(got, want) {
		return unsafe("shapes %v and %v", c.in[i].shape, want)
	}
	at := slices.IndexFunc(want, dim.alone)
	if at < 0 {
		return unsafe("shape %v", want)
	}
	parts := []string{c.size()}
	if before := tracedDims(want[:at]); len(before) > 0 {
		parts = append([]string{c.ints("outer", before...)}, parts...)
	}
	if after := tracedDims(want[at+1:]); len(after) > 0 {
		parts = append(parts, c.ints("inner", after...))
	}
	out := c.node.Outputs[0] + "_size"
	c.nodes = append(c.nodes, onnx.NewNode("Concat", out, parts, []string{out}).WithInt("axis", 0))
	c.replaceInput(i, c.before("Expand", "repeated", c.node.Inputs[i], out))
	return nil
}

func tracedDims(dims []dim) []int64 {
	list := make([]int64, len(dims))
	for i, d := range dims {
		list[i] = d.traced()
	}
	return list
}

// slice takes a part along fixed axes.
func slice(c *call) (value, error) {
	in, err := c.input(0)
	if err != nil {
		return in, err
	}
	starts, err := c.intsOf(1)
	if err != nil {
		return in, err
	}
	until, err := c.input(2)
	if err != nil {
		return in, err
	}
	ends, known := until.constants()
	if !known && len(until.ints) != len(starts) {
		return in, unsafe("its end is not known")
	}
	var axes, steps []int64
	if len(c.node.Inputs) > 3 && c.node.Inputs[3] != "" {
		if axes, err = c.intsOf(3); err != nil {
			return in, err
		}
	}
	if len(c.node.Inputs) > 4 {
		if steps, err = c.intsOf(4); err != nil {
			return in, err
		}
	}
	out := value{shape: slices.Clone(in.shape), ints: in.ints}
	for i := range starts {
		axis, step := i, int64(1)
		if axes != nil && i < len(axes) {
			axis = axisOf(axes[i], len(in.shape))
		}
		if i < len(steps) {
			step = steps[i]
		}
		if axis < 0 || axis >= len(in.shape) || step == 0 || known && i >= len(ends) {
			return in, unsafe("axis %d, step %d", axis, step)
		}
		if known {
			err = out.cut(in, axis, starts[i], ends[i], step)
		} else {
			err = out.cutUntil(in, axis, starts[i], until.ints[i], step)
		}
		if err != nil {
			return in, err
		}
	}
	return out, nil
}

// cut reduces out, which starts as a copy of in, to a part along an axis.
func (out *value) cut(in value, axis int, start, end, step int64) error {
	if in.shape[axis].isFree() {
		if start == 0 && end == math.MaxInt64 && step == 1 {
			return nil
		}
		return unsafe("a part of the freed dimension")
	}
	first, count := part(in.shape[axis].before, start, end, step)
	out.shape[axis] = fixed(count)
	if in.ints == nil || len(in.shape) != 1 || int64(len(in.ints)) != in.shape[0].before {
		out.ints = nil
		return nil
	}
	out.ints = make([]dim, count)
	for j := range out.ints {
		out.ints[j] = in.ints[first+int64(j)*step]
	}
	return nil
}

// cutUntil is cut with an end that depends on the freed dimension.
func (out *value) cutUntil(in value, axis int, start int64, end dim, step int64) error {
	if !end.alone() || start != 0 || step != 1 || in.shape[axis].isFree() || in.shape[axis].before < end.free {
		return unsafe("its end is not known")
	}
	out.shape[axis], out.ints = end, nil
	return nil
}

// split cuts an axis into equal parts.
func split(c *call) (value, error) {
	in, err := c.input(0)
	if err != nil {
		return in, err
	}
	axis := axisOf(c.node.Int("axis", 0), len(in.shape))
	n := int64(len(c.node.Outputs))
	if axis < 0 || axis >= len(in.shape) || in.shape[axis].isFree() || in.shape[axis].before%n != 0 {
		return in, unsafe("%d parts of axis %d of %v", n, axis, in.shape)
	}
	size := in.shape[axis].before / n
	if len(c.node.Inputs) > 1 && c.node.Inputs[1] != "" {
		parts, err := c.intsOf(1)
		if err != nil {
			return in, err
		}
		for _, p := range parts {
			if p != size {
				return in, unsafe("parts of %v", parts)
			}
		}
	}
	out := slices.Clone(in.shape)
	out[axis] = fixed(size)
	return value{shape: out}, nil
}

// part returns the first element and the number of elements of a slice of n.
func part(n, start, end, step int64) (first, count int64) {
	clamp := func(v, lo, hi int64) int64 {
		if v < 0 {
			v = max(v, -n-1) + n
		}
		return min(max(v, lo), hi)
	}
	if step > 0 {
		first = clamp(start, 0, n)
		return first, max(0, (clamp(end, 0, n)-first+step-1)/step)
	}
	first = clamp(start, 0, n-1)
	return first, max(0, (first-clamp(end, -1, n-1)-step-1)/-step)
}

// gather picks elements along an axis. Along one that holds the batch, each picture picks only its own rows, by an index that
// starts at the first row in a batch of one: a picture's index is moved by the rows of the pictures before it. Along the context
// length it picks the first token, or one that was searched for.
func gather(c *call) (value, error) {
	in, index, err := c.two()
	if err != nil {
		return in, err
	}
	axis := axisOf(c.node.Int("axis", 0), len(in.shape))
	if axis < 0 || axis >= len(in.shape) {
		return in, unsafe("axis %d", axis)
	}
	out := value{shape: slices.Concat(in.shape[:axis], index.shape, in.shape[axis+1:])}
	picks, known := index.constants()
	if d := in.shape[axis]; d.isFree() && c.context {
		if !d.alone() || index.hasFree() || known && slices.ContainsFunc(picks, func(at int64) bool { return at != 0 }) {
			return in, unsafe("a part of the freed dimension")
		}
		return out, nil
	} else if d.isFree() {
		if axis != 0 || d.before != 1 || len(index.shape) != 1 || !index.shape[0].alone() {
			return in, unsafe("a part of the freed dimension")
		}
		c.moveIndex(d.after)
		return out, nil
	}
	if known && in.ints != nil && len(in.shape) == 1 {
		out.ints = make([]dim, len(picks))
		for i, at := range picks {
			if at < 0 {
				at += int64(len(in.ints))
			}
			if at < 0 || at >= int64(len(in.ints)) {
				return in, unsafe("index %d of %d", at, len(in.ints))
			}
			out.ints[i] = in.ints[at]
		}
	}
	return out, nil
}

// moveIndex adds i*rows to the i-th index.
func (c *call) moveIndex(rows int64) {
	count := c.before("Squeeze", "count", c.size())
	numbers := c.before("Range", "numbers", c.scalar("zero", 0), count, c.scalar("one", 1))
	offsets := c.before("Mul", "offsets", numbers, c.ints("rows", rows))
	c.replaceInput(1, c.before("Add", "moved", c.node.Inputs[1], offsets))
}

// scalar makes a constant without dimensions.
func (c *call) scalar(role string, value int64) string {
	t := onnx.NewInts(c.node.Outputs[0]+"_"+role, value)
	t.Dims = nil
	c.made = append(c.made, t)
	return t.Name
}
