package dynamic

import (
	"math"
	"slices"

	"github.com/imgsearch/imgsearch/embed/onnx"
)

func transpose(c *call) (value, error) {
	in, err := c.input(0)
	if err != nil {
		return in, err
	}
	perm := c.node.Ints("perm")
	if perm == nil {
		for i := range in.shape {
			perm = append(perm, int64(len(in.shape)-1-i))
		}
	}
	if len(perm) != len(in.shape) {
		return in, unsafe("permutation %v of shape %v", perm, in.shape)
	}
	out := make([]dim, len(perm))
	for i, p := range perm {
		if p < 0 || int(p) >= len(in.shape) {
			return in, unsafe("permutation %v", perm)
		}
		out[i] = in.shape[p]
	}
	return value{shape: out}, nil
}

// axes are those of Squeeze and Unsqueeze, in an attribute or an input.
func (c *call) axes(rank int) ([]int, error) {
	list := c.node.Ints("axes")
	if len(c.node.Inputs) > 1 {
		var err error
		if list, err = c.intsOf(1); err != nil {
			return nil, err
		}
	}
	axes := make([]int, len(list))
	for i, a := range list {
		axes[i] = axisOf(a, rank)
	}
	slices.Sort(axes)
	return axes, nil
}

func unsqueeze(c *call) (value, error) {
	in, err := c.input(0)
	if err != nil {
		return in, err
	}
	axes, err := c.axes(len(in.shape) + max(1, c.axisCount()))
	if err != nil {
		return in, err
	}
	out := slices.Clone(in.shape)
	for _, a := range axes {
		if a < 0 || a > len(out) {
			return in, unsafe("axis %d", a)
		}
		out = slices.Insert(out, a, fixed(1))
	}
	return value{shape: out, ints: in.ints}, nil
}

// axisCount is the number of axes that Unsqueeze adds.
func (c *call) axisCount() int {
	if len(c.in) > 1 {
		return len(c.in[1].ints)
	}
	return len(c.node.Ints("axes"))
}

func squeeze(c *call) (value, error) {
	in, err := c.input(0)
	if err != nil {
		return in, err
	}
	axes, err := c.axes(len(in.shape))
	if err != nil || len(axes) == 0 { // without axes it would squeeze whatever is one
		return in, unsafe("no axes")
	}
	var out []dim
	for i, d := range in.shape {
		if !slices.Contains(axes, i) {
			out = append(out, d)
		} else if d.isFree() {
			return in, mixes()
		}
	}
	return value{shape: out, ints: in.ints}, nil
}

func flatten(c *call) (value, error) {
	in, err := c.input(0)
	if err != nil {
		return in, err
	}
	axis := axisOf(c.node.Int("axis", 1), len(in.shape))
	if axis < 0 || axis > len(in.shape) {
		return in, unsafe("axis %d", axis)
	}
	first, ok1 := merge(in.shape[:axis])
	second, ok2 := merge(in.shape[axis:])
	if !ok1 || !ok2 {
		return in, unsafe("the freed dimension appears twice")
	}
	return value{shape: []dim{first, second}}, nil
}

// merge makes one dimension of several, row-major.
func merge(dims []dim) (dim, bool) {
	out := fixed(1)
	for _, d := range dims {
		switch {
		case !d.isFree() && !out.isFree():
			out.before *= d.before
		case !d.isFree():
			out.after *= d.before
		case out.isFree():
			return out, false
		default:
			out = dim{before: out.before * d.before, free: d.free, after: d.after}
		}
	}
	return out, true
}

// reshape finds where the freed dimension goes among the new dimensions, and writes the shape anew with -1 in that place.
func reshape(c *call) (value, error) {
	in, err := c.input(0)
	if err != nil {
		return in, err
	}
	shape, err := c.input(1)
	if err != nil || shape.ints == nil {
		return in, unsafe("its shape is not known")
	}
	target, err := c.targetOf(in, shape.ints)
	if err != nil {
		return in, err
	}
	if !in.hasFree() {
		return value{shape: target, ints: in.ints}, nil
	}
	place, out, err := placeFree(in.shape, target)
	if err != nil {
		return in, err
	}
	dims := make([]int64, len(out))
	for i, d := range out {
		if dims[i] = d.before; i == place {
			dims[i] = -1
		} else if d.before == 0 {
			return in, unsafe("an empty dimension")
		}
	}
	if list, constant := shape.constants(); !constant || !slices.Equal(list, dims) {
		c.replaceInput(1, c.ints("shape", dims...))
	}
	return value{shape: out}, nil
}

// targetOf resolves 0 (as it was) and -1 (the rest) of a new shape, as the exporter saw it. Dimensions that are known
// to be the freed one, or to hold it, stay so.
func (c *call) targetOf(in value, shape []dim) ([]dim, error) {
	target := slices.Clone(shape)
	total, given, rest := int64(1), int64(1), -1
	for _, d := range in.shape {
		total *= d.traced()
	}
	for i, d := range target {
		if !d.isFree() && d.before == 0 && c.node.Int("allowzero", 0) == 0 {
			if i >= len(in.shape) {
				return nil, unsafe("shape %v of %v", shape, in.shape)
			}
			target[i] = in.shape[i]
		}
		if !d.isFree() && d.before == -1 {
			if rest >= 0 {
				return nil, unsafe("shape %v", shape)
			}
			rest = i
			continue
		}
		given *= target[i].traced()
	}
	if rest >= 0 {
		if given == 0 || total%given != 0 {
			return nil, unsafe("shape %v of %v", shape, in.shape)
		}
		target[rest] = fixed(total / given)
		given = total
	}
	if given != total {
		return nil, unsafe("shape %v of %v", shape, in.shape)
	}
	return target, nil
}

// placeFree gives the freed dimension a place in a new shape. Row-major order says between which elements it lies: behind
// so many others. A batch of one may lie on the boundary of two dimensions: it goes to the one that is known to hold it, or
// to a dimension of one; else to the front of the right one, or, where that is the last, which holds features, to the end of
// the left one. The last is a guess, which the comparison of whoever called Batch must confirm.
func placeFree(in, target []dim) (place int, out []dim, err error) {
	whole, ok := merge(in)
	if !ok {
		return 0, nil, unsafe("the freed dimension appears twice in %v", in)
	}
	major := whole.before // the product of all that it is minor to
	if major <= 0 || whole.after <= 0 || whole.free <= 0 {
		return 0, nil, unsafe("shape %v", in)
	}
	hinted := slices.IndexFunc(target, dim.isFree)
	product := int64(1)
	var fits []int // the dimensions that it can be a factor of
	for i, d := range target {
		end := product * d.traced()
		if product <= major && major%product == 0 && end > 0 && end%(major*whole.free) == 0 {
			fits = append(fits, i)
		}
		product = max(end, 1)
	}
	if len(fits) == 0 {
		return 0, nil, unsafe("the freed dimension would be inside one of %v", target)
	}
	switch one := slices.IndexFunc(fits, func(i int) bool { return target[i].traced() == 1 }); {
	case hinted >= 0:
		place = hinted
		if !slices.Contains(fits, hinted) {
			return 0, nil, unsafe("the freed dimension cannot be at %d of %v", hinted, target)
		}
	case one >= 0:
		place = fits[one]
	default:
		place = fits[len(fits)-1]
		if place == len(target)-1 && len(fits) > 1 {
			place = fits[len(fits)-2]
		}
	}
	out = make([]dim, len(target))
	product = 1
	for i, d := range target {
		out[i] = fixed(d.traced())
		if i == place {
			before := major / product
			out[i] = dim{before: before, free: whole.free, after: d.traced() / (before * whole.free)}
		}
		product *= d.traced()
	}
	return place, out, nil
}

func expand(c *call) (value, error) {
	in, err := c.input(0)
	if err != nil {
		return in, err
	}
	shape, err := c.input(1)
	if err != nil || shape.ints == nil {
		return in, unsafe("its shape is not known")
	}
	out, err := broadcast(in.shape, shape.ints)
	return value{shape: out}, err
}

// concat joins values along an axis. What has no batch, beside what has it, is repeated for each picture.
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

// repeat makes an input as large as want.
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
		if !known {
			end := until.ints[i]
			if !end.alone() || starts[i] != 0 || step != 1 || in.shape[axis].isFree() || in.shape[axis].before < end.free {
				return in, unsafe("its end is not known")
			}
			out.shape[axis], out.ints = end, nil
			continue
		}
		if in.shape[axis].isFree() {
			if starts[i] == 0 && ends[i] == math.MaxInt64 && step == 1 {
				continue
			}
			return in, unsafe("a part of the freed dimension")
		}
		first, count := part(in.shape[axis].before, starts[i], ends[i], step)
		out.shape[axis] = fixed(count)
		if in.ints != nil && len(in.shape) == 1 && int64(len(in.ints)) == in.shape[0].before {
			out.ints = make([]dim, count)
			for j := range out.ints {
				out.ints[j] = in.ints[first+int64(j)*step]
			}
		} else {
			out.ints = nil
		}
	}
	return out, nil
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

// part is the first element and the number of elements of a slice of n.
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

// gather picks along an axis. Along one that holds the batch only each picture's own rows are ever asked for, by an index
// that at a batch of one begins with the first: a picture's index moves on by the rows of those before it. Along the context
// length the first token is picked, or one that was looked for.
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
