package dynamic

import "slices"

func matMul(c *call) (value, error) {
	a, b, err := c.two()
	if err != nil {
		return value{}, err
	}
	m, n := len(a.shape), len(b.shape)
	if m < 2 || n < 2 || a.shape[m-1] != b.shape[n-2] || a.shape[m-1].isFree() && !c.context {
		return value{}, unsafe("shapes %v and %v do not match", a.shape, b.shape)
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
		return value{}, unsafe("shapes %v and %v do not match", a.shape, b.shape)
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
			// Along the context length, a token's position stays when later tokens are removed, and masked tokens add nothing.
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
