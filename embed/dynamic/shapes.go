package dynamic

import "slices"

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

// axes returns the axes of Squeeze and Unsqueeze, from an attribute or an input.
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

// axisCount returns the number of axes that Unsqueeze adds.
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
	if err != nil || len(axes) == 0 { // without axes it would squeeze every dimension of one
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

// merge combines several dimensions into one, row-major.
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

// shaped returns a value and the known new shape for it.
func (c *call) shaped() (in, shape value, err error) {
	if in, shape, err = c.two(); err == nil && shape.ints == nil {
		err = unsafe("its shape is not known")
	}
	return in, shape, err
}

// reshape finds where the freed dimension goes among the new dimensions, and rewrites the shape with -1 in that place.
func reshape(c *call) (value, error) {
	in, shape, err := c.shaped()
	if err != nil {
		return in, err
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
// to be the freed one, or to hold it, are kept.
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

// placeFree finds a place for the freed dimension in a new shape. Row-major order says how many elements come before it. A
// batch of one may be on the boundary of two dimensions: it goes to the one that is known to hold it, or to a dimension of
// one; else to the front of the right one, or, if that is the last, which holds features, to the end of the left one. The
// last choice is a guess, which the caller of Batch must confirm by a comparison.
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
	in, shape, err := c.shaped()
	if err != nil {
		return in, err
	}
	out, err := broadcast(in.shape, shape.ints)
	return value{shape: out}, err
}
