package png

import "github.com/imgsearch/imgsearch/embed/decode/pixel"

// convert writes the w pixels of the current row to dst, on white.
func (d *decoder) convert(dst []byte, w int) {
	row := d.row[1:]
	switch {
	case d.color == indexed:
		d.convertIndexed(dst, row, w)
	case d.color == gray && d.depth < 8:
		d.convertBits(dst, row, w)
	case d.color == gray && d.transparent == nil && d.depth == 8:
		copy(dst, row)
	case d.color == rgb && d.transparent == nil && d.depth == 8 && !d.apple:
		copy(dst, row)
	case d.depth == 8:
		d.convert8(dst, row, w)
	default:
		d.convert16(dst, row, w)
	}
}

func (d *decoder) convertIndexed(dst, row []byte, w int) {
	for x := range w {
		i := sample(row, x, d.depth)
		c, a := d.palette[i], uint32(d.alpha[i])
		dst[3*x], dst[3*x+1], dst[3*x+2] = pixel.OnWhite(c[0], a), pixel.OnWhite(c[1], a), pixel.OnWhite(c[2], a)
	}
}

// convertBits converts grey samples of less than 8 bits.
func (d *decoder) convertBits(dst, row []byte, w int) {
	scale := byte(255 / (1<<d.depth - 1))
	for x := range w {
		s := sample(row, x, d.depth)
		v := s * scale
		if d.transparent == nil {
			dst[x] = v
			continue
		}
		if d.isTransparent([]byte{s}) {
			v = 255
		}
		dst[3*x], dst[3*x+1], dst[3*x+2] = v, v, v
	}
}

// sample returns the x-th sample of at most 8 bits.
func sample(row []byte, x, depth int) byte {
	if depth == 8 {
		return row[x]
	}
	bit := x * depth
	return row[bit/8] >> (8 - depth - bit%8) & (1<<depth - 1)
}

func (d *decoder) convert8(dst, row []byte, w int) {
	n := channels[d.color]
	for x := range w {
		s := row[n*x : n*x+n : n*x+n]
		p := dst[3*x : 3*x+3 : 3*x+3]
		switch {
		case d.apple && d.color == rgb:
			p[0], p[1], p[2] = s[2], s[1], s[0]
		case d.apple && d.color == rgbAlpha:
			a := uint32(s[3])
			p[0], p[1], p[2] = pixel.PremultipliedOnWhite(s[2], a), pixel.PremultipliedOnWhite(s[1], a), pixel.PremultipliedOnWhite(s[0], a)
		case d.color == rgbAlpha:
			a := uint32(s[3])
			p[0], p[1], p[2] = pixel.OnWhite(s[0], a), pixel.OnWhite(s[1], a), pixel.OnWhite(s[2], a)
		case d.color == grayAlpha:
			v := pixel.OnWhite(s[0], uint32(s[1]))
			p[0], p[1], p[2] = v, v, v
		case d.isTransparent(s):
			p[0], p[1], p[2] = 255, 255, 255
		default: // grey or colours, with a transparent one
			p[0], p[1], p[2] = s[0], s[n/2], s[n-1]
		}
	}
}

func (d *decoder) convert16(dst, row []byte, w int) {
	n := channels[d.color]
	for x := range w {
		s := row[2*n*x : 2*n*x+2*n]
		at := func(i int) byte { return pixel.To8(uint32(s[2*i])<<8 | uint32(s[2*i+1])) }
		if d.gray {
			dst[x] = at(0)
			continue
		}
		p := dst[3*x : 3*x+3 : 3*x+3]
		switch {
		case d.color == rgbAlpha:
			a := uint32(at(3))
			p[0], p[1], p[2] = pixel.OnWhite(at(0), a), pixel.OnWhite(at(1), a), pixel.OnWhite(at(2), a)
		case d.color == grayAlpha:
			v := pixel.OnWhite(at(0), uint32(at(1)))
			p[0], p[1], p[2] = v, v, v
		case d.transparent != nil && d.isTransparent(s):
			p[0], p[1], p[2] = 255, 255, 255
		default:
			p[0], p[1], p[2] = at(0), at(n/2), at(n-1)
		}
	}
}
