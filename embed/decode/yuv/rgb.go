package yuv

import "fmt"

// Color says how samples become colours.
type Color struct {
	// Matrix is the matrix coefficients' code point (ITU-T H.273, table 4); 2 is unspecified.
	Matrix int
	// Full says that samples use their full range, not that of video.
	Full bool
}

// weights returns the parts of red and blue in luma: ITU-R BT.709, BT.601 and BT.2020, by their code points in ITU-T H.273, table 4.
// Unspecified ones count as BT.601, which libheif and browsers assume.
func (c Color) weights() (kr, kb float32, err error) {
	switch c.Matrix {
	case 1:
		return .2126, .0722, nil
	case 2, 5, 6:
		return .299, .114, nil
	case 9:
		return .2627, .0593, nil
	}
	return 0, 0, fmt.Errorf("matrix coefficients %d", c.Matrix)
}

// RGB converts the reduced picture to rows of 8-bit RGB without padding, of Size. Transfer functions and colour profiles are ignored, as in other formats.
func (c *Canvas) RGB(color Color) ([]byte, error) {
	kr, kb, err := color.weights()
	if err != nil {
		return nil, err
	}
	// ITU-T H.273, 8.3: full range uses all code values; otherwise luma has 219 and chroma 224 steps of 2^(bits-8) above 16 and around 128.
	unit := float32(fraction * int(1<<(c.bits-8)))
	black, middle := float32(0), 128*unit
	luma := 255 / float32(fraction*(int(1)<<c.bits-1))
	chroma := luma
	if !color.Full {
		black, luma, chroma = 16*unit, 255/(219*unit), 255/(224*unit)
	}
	// The inverse of Y = kr R + kg G + kb B, Cb = (B-Y)/(2-2kb), Cr = (R-Y)/(2-2kr), ITU-T H.273, equations 38 to 40.
	kg := 1 - kr - kb
	red, blue := 2*(1-kr)*chroma, 2*(1-kb)*chroma
	greenU, greenV := 2*kb*(1-kb)/kg*chroma, 2*kr*(1-kr)/kg*chroma
	columns, rows := c.Size()
	out := make([]byte, 3*columns*rows)
	u, v := make([]float32, columns), make([]float32, columns)
	for y := range rows {
		row := out[3*y*columns : 3*(y+1)*columns]
		light := c.planes[0].pix[y*columns:][:columns]
		if c.gray {
			for x, l := range light {
				value := clip((float32(l) - black) * luma)
				row[3*x], row[3*x+1], row[3*x+2] = value, value, value
			}
			continue
		}
		c.planes[1].expand(u, y)
		c.planes[2].expand(v, y)
		for x, l := range light {
			l := (float32(l) - black) * luma
			u, v := u[x]-middle, v[x]-middle
			p := row[3*x : 3*x+3 : 3*x+3]
			p[0], p[1], p[2] = clip(l+red*v), clip(l-greenU*u-greenV*v), clip(l+blue*u)
		}
	}
	return out, nil
}

func clip(v float32) byte { return byte(min(max(v+.5, 0), 255)) }

// expand writes row y of the picture's size. Subsampled chroma is interpolated by a triangle filter: 3/4 of the nearer sample, 1/4 of the farther one.
func (p *plane) expand(dst []float32, y int) {
	near, far := neighbours(y, p.subY, p.height)
	a, b := p.pix[near*p.width:][:p.width], p.pix[far*p.width:][:p.width]
	if p.subX == 1 {
		for x := range dst {
			dst[x] = (3*float32(a[x]) + float32(b[x])) / 4
		}
		return
	}
	for x := range dst {
		n, f := neighbours(x, p.subX, p.width)
		dst[x] = (3*(3*float32(a[n])+float32(b[n])) + 3*float32(a[f]) + float32(b[f])) / 16
	}
}

// neighbours returns the nearer and the farther sample to position i of a plane whose n samples each stand for sub positions.
func neighbours(i, sub, n int) (near, far int) {
	if sub == 1 {
		return i, i
	}
	near = i / 2
	return near, min(max(near-1+2*(i&1), 0), n-1)
}
