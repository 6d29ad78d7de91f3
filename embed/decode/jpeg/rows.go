package jpeg

import "sync"

// scratch is the memory in which a row is assembled.
type scratch struct{ rows [4][]byte }

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// Row writes row y of the scaled picture as RGB, three bytes a column. It is safe for concurrent use with different buffers.
func (p *Picture) Row(y int, rgb []byte) {
	w, _ := p.Size()
	rgb = rgb[:3*w]
	s := scratches.Get().(*scratch) //nolint:forcetypeassert // the pool holds nothing else
	defer scratches.Put(s)
	var rows [4][]byte
	for i := range p.planes {
		if cap(s.rows[i]) < w {
			s.rows[i] = make([]byte, w)
		}
		rows[i] = p.planes[i].row(y, s.rows[i][:w])
	}
	switch p.Space {
	case Gray:
		for x, v := range rows[0] {
			d := rgb[3*x : 3*x+3 : 3*x+3]
			d[0], d[1], d[2] = v, v, v
		}
	case RGB:
		interleave(rgb, rows[0], rows[1], rows[2])
	case YCbCr:
		fromYCbCr(rgb, rows[0], rows[1], rows[2])
	case CMYK:
		interleave(rgb, rows[0], rows[1], rows[2])
		lay(rgb, rows[3])
	case Ink:
		for i := range rows {
			for x, v := range rows[i] {
				s.rows[i][x] = 255 - v
			}
			rows[i] = s.rows[i][:w]
		}
		interleave(rgb, rows[0], rows[1], rows[2])
		lay(rgb, rows[3])
	case YCCK:
		fromYCbCr(rgb, rows[0], rows[1], rows[2])
		for i, v := range rgb {
			rgb[i] = 255 - v // stored as CMY, not inverted
		}
		lay(rgb, rows[3])
	}
}

func interleave(rgb, r, g, b []byte) {
	g, b = g[:len(r)], b[:len(r)]
	for x := range r {
		d := rgb[3*x : 3*x+3 : 3*x+3]
		d[0], d[1], d[2] = r[x], g[x], b[x]
	}
}

// lay darkens colours by the share of black, both inverted, like PIL's conversion from CMYK.
func lay(rgb, black []byte) {
	for x, k := range black {
		for i := 3 * x; i < 3*x+3; i++ {
			ink := int32(255-rgb[i])*int32(k) + 128
			rgb[i] = uint8(max(int32(k)-(ink>>8+ink)>>8, 0))
		}
	}
}

// fromYCbCr converts by JFIF's matrix (ITU-T T.871, 7) with 16 bits of fraction, and rounds the sum of the chroma terms.
func fromYCbCr(rgb, luma, blue, red []byte) {
	blue, red = blue[:len(luma)], red[:len(luma)]
	for x, v := range luma {
		cb, cr := int32(blue[x])-128, int32(red[x])-128
		l := int32(v)
		r := l + (91881*cr+1<<15)>>16
		g := l + (1<<15-22554*cb-46802*cr)>>16
		b := l + (116130*cb+1<<15)>>16
		if uint32(r) > 255 {
			r = ^(r >> 31)
		}
		if uint32(g) > 255 {
			g = ^(g >> 31)
		}
		if uint32(b) > 255 {
			b = ^(b >> 31)
		}
		d := rgb[3*x : 3*x+3 : 3*x+3]
		d[0], d[1], d[2] = uint8(r), uint8(g), uint8(b)
	}
}

// row returns row y of the scaled picture: a slice of the plane if it has that size, otherwise dst. Planes of half the size
// are interpolated with a triangle filter, 3/4 of the nearer sample and 1/4 of the farther one, with alternating rounding.
// This is "fancy upsampling", the default of the decoder that the models were trained with. Other sizes repeat samples.
func (p *plane) row(y int, dst []byte) []byte {
	one, half := ratio{1, 1}, ratio{1, 2}
	x, v := p.perX.reduced(), p.perY.reduced()
	switch {
	case x == one && v == one:
		return p.line(y)[:len(dst)]
	case x == half && v == one:
		doubleAcross(dst, p.line(y)[:p.w])
	case x == half && v == half:
		near, far := p.nearFar(y)
		doubleBoth(dst, near[:p.w], far[:p.w])
	case x == one && v == half:
		near, far := p.nearFar(y)
		round := int32(1 + y&1)
		far = far[:len(dst)]
		for i, c := range near[:len(dst)] {
			dst[i] = uint8((3*int32(c) + int32(far[i]) + round) >> 2)
		}
	default:
		line := p.line(min(y*v.num/v.den, p.h-1))
		for i := range dst {
			dst[i] = line[min(i*x.num/x.den, p.w-1)]
		}
	}
	return dst
}

func (r ratio) reduced() ratio {
	a, b := r.num, r.den
	for b != 0 {
		a, b = b, a%b
	}
	return ratio{r.num / a, r.den / a}
}

func (p *plane) line(y int) []byte { return p.pix[y*p.stride : (y+1)*p.stride] }

// nearFar returns the two lines that row y is between, in a plane of half the height.
func (p *plane) nearFar(y int) (near, far []byte) {
	at := min(y/2, p.h-1)
	return p.line(at), p.line(min(max(at-1+2*(y&1), 0), p.h-1))
}

func doubleAcross(dst, src []byte) {
	last := len(src) - 1
	for i, v := range src {
		c := 3 * int32(v)
		x := 2 * i
		dst[x] = uint8((c + int32(src[max(i-1, 0)]) + 1) >> 2)
		if x+1 < len(dst) {
			dst[x+1] = uint8((c + int32(src[min(i+1, last)]) + 2) >> 2)
		}
	}
}

func doubleBoth(dst, near, far []byte) {
	far = far[:len(near)]
	column := func(i int) int32 { return 3*int32(near[i]) + int32(far[i]) }
	left, here := column(0), column(0)
	for i := range near {
		right := here
		if i+1 < len(near) {
			right = column(i + 1)
		}
		x := 2 * i
		dst[x] = uint8((3*here + left + 8) >> 4)
		if x+1 < len(dst) {
			dst[x+1] = uint8((3*here + right + 7) >> 4)
		}
		left, here = here, right
	}
}
