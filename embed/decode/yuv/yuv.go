// Package yuv assembles a picture from decoded tiles of luma and chroma, at full size or smaller, and converts it to RGB.
// It must not know codecs or file formats.
package yuv

import (
	"errors"
	"fmt"
)

// Plane is a plane of samples: bytes, or 16-bit little-endian numbers if the frame has more than 8 bits.
type Plane struct {
	Pix    []byte
	Stride int // bytes from one row to the next
}

// Frame is a decoded tile. Planes are luma, Cb and Cr; a grey tile has only luma.
type Frame struct {
	Width, Height int
	// Bits is the number of bits of a sample, 8 to 12.
	Bits int
	// SubX and SubY are the chroma planes' subsampling, 1 or 2.
	SubX, SubY int
	Gray       bool
	Planes     [3]Plane
}

// sampleBytes returns the size of a sample.
func (f Frame) sampleBytes() int { return (f.Bits + 7) / 8 }

// check reports whether the planes have all samples.
func (f Frame) check() error {
	if f.Width <= 0 || f.Height <= 0 || f.Bits < 8 || f.Bits > 12 || f.SubX < 1 || f.SubX > 2 || f.SubY < 1 || f.SubY > 2 {
		return fmt.Errorf("tile of %d x %d and %d bits", f.Width, f.Height, f.Bits)
	}
	for i, p := range f.Planes {
		w, h := f.Width, f.Height
		if i > 0 {
			w, h = (w+f.SubX-1)/f.SubX, (h+f.SubY-1)/f.SubY
		}
		if i > 0 && f.Gray {
			break
		}
		if p.Stride < w*f.sampleBytes() || len(p.Pix) < p.Stride*(h-1)+w*f.sampleBytes() {
			return errors.New("tile with an incomplete plane")
		}
	}
	return nil
}

// fraction is the number of parts that a sample is divided into while it is averaged. 16 times the largest sample of 12 bits fits 16 bits.
const fraction = 16

// Canvas is a picture that tiles are laid into, reduced by a whole number: each of its samples is the mean of Scale x Scale pixels.
type Canvas struct {
	// Width and Height are the size before it is reduced.
	Width, Height int
	Scale         int
	bits          int
	gray          bool
	planes        [3]plane
}

// plane is a plane of a Canvas, in fractions of a sample. subX and subY are what is left of the subsampling.
type plane struct {
	pix           []uint16
	width, height int
	subX, subY    int
}

// NewCanvas returns a picture of the given size, to be reduced by 1, 2, 4 or 8.
func NewCanvas(width, height, scale int) *Canvas {
	return &Canvas{Width: width, Height: height, Scale: scale}
}

// Size returns the number of columns and rows of the reduced picture; the last ones may stand for fewer pixels.
func (c *Canvas) Size() (columns, rows int) {
	return (c.Width + c.Scale - 1) / c.Scale, (c.Height + c.Scale - 1) / c.Scale
}

// begin allocates the planes for the kind of the first tile.
func (c *Canvas) begin(f Frame) {
	c.bits, c.gray = f.Bits, f.Gray
	for i := range c.planes {
		p := &c.planes[i]
		p.subX, p.subY = 1, 1
		p.width, p.height = c.Size()
		if i > 0 {
			if c.gray {
				break
			}
			if c.Scale == 1 { // reduced further, chroma is no smaller than luma
				p.subX, p.subY = f.SubX, f.SubY
			}
			p.width, p.height = (p.width+p.subX-1)/p.subX, (p.height+p.subY-1)/p.subY
		}
		p.pix = make([]uint16, p.width*p.height)
	}
}

// Add lays a tile at a place of the full picture. What extends beyond the picture is cut off. All tiles must be of one kind, and
// their places must be multiples of the scale and the subsampling.
func (c *Canvas) Add(left, top int, f Frame) error {
	if err := f.check(); err != nil {
		return err
	}
	if c.bits == 0 {
		c.begin(f)
	}
	switch {
	case f.Bits != c.bits || f.Gray != c.gray || !f.Gray && c.Scale == 1 && (f.SubX != c.planes[1].subX || f.SubY != c.planes[1].subY):
		return errors.New("tiles of different kinds")
	case left < 0 || top < 0 || left%(max(c.Scale, f.SubX)) != 0 || top%max(c.Scale, f.SubY) != 0:
		return fmt.Errorf("a tile at %d, %d does not fit the scale %d", left, top, c.Scale)
	}
	right, bottom := min(left+f.Width, c.Width), min(top+f.Height, c.Height)
	if right <= left || bottom <= top {
		return nil
	}
	for i, from := range f.Planes {
		subX, subY := 1, 1
		if i > 0 {
			if c.gray {
				break
			}
			subX, subY = f.SubX, f.SubY
		}
		c.planes[i].reduce(from, f.sampleBytes(), area{left / subX, top / subY, (right + subX - 1) / subX, (bottom + subY - 1) / subY},
			max(1, c.Scale/subX), max(1, c.Scale/subY))
	}
	return nil
}

// area is a tile's place in its own plane of the full picture, in samples.
type area struct{ left, top, right, bottom int }

// reduce writes the means of kx x ky samples of a tile.
func (p *plane) reduce(from Plane, size int, at area, kx, ky int) {
	x0, x1 := at.left/kx, (at.right+kx-1)/kx
	for y := at.top / ky; y < min((at.bottom+ky-1)/ky, p.height); y++ {
		first := y*ky - at.top
		rows := min(ky, at.bottom-y*ky)
		dst := p.pix[y*p.width:][:p.width]
		whole := (at.right - at.left) / kx // columns for which there are kx samples
		if rows == ky && size == 1 {
			whole = fast(dst[x0:], from, first, kx, ky, whole)
		} else {
			whole = 0
		}
		for x := x0 + whole; x < min(x1, p.width); x++ {
			column := x*kx - at.left
			dst[x] = mean(from, size, column, first, min(kx, at.right-x*kx), rows)
		}
	}
}

// mean returns the mean of a block of samples.
func mean(from Plane, size, x, y, width, height int) uint16 {
	var sum uint32
	for dy := range height {
		row := from.Pix[(y+dy)*from.Stride+x*size:]
		for dx := range width {
			if size == 1 {
				sum += uint32(row[dx])
			} else {
				sum += uint32(row[2*dx]) | uint32(row[2*dx+1])<<8
			}
		}
	}
	n := uint32(width * height)
	return uint16(min((sum*fraction+n/2)/n, 0xffff))
}

// fast writes the means of whole blocks of bytes for the common sizes, and returns how many it wrote.
func fast(dst []uint16, from Plane, y, kx, ky, n int) int {
	switch {
	case kx == 4 && ky == 4:
		a, b, c, d := from.row(y), from.row(y+1), from.row(y+2), from.row(y+3)
		for x := range dst[:n] {
			i := 4 * x
			p, q, r, s := a[i:i+4:i+4], b[i:i+4:i+4], c[i:i+4:i+4], d[i:i+4:i+4]
			dst[x] = uint16(p[0]) + uint16(p[1]) + uint16(p[2]) + uint16(p[3]) + uint16(q[0]) + uint16(q[1]) + uint16(q[2]) + uint16(q[3]) +
				uint16(r[0]) + uint16(r[1]) + uint16(r[2]) + uint16(r[3]) + uint16(s[0]) + uint16(s[1]) + uint16(s[2]) + uint16(s[3])
		}
	case kx == 2 && ky == 2:
		a, b := from.row(y), from.row(y+1)
		for x := range dst[:n] {
			i := 2 * x
			p, q := a[i:i+2:i+2], b[i:i+2:i+2]
			dst[x] = 4 * (uint16(p[0]) + uint16(p[1]) + uint16(q[0]) + uint16(q[1]))
		}
	case kx == 1 && ky == 1:
		for x, v := range from.row(y)[:n] {
			dst[x] = fraction * uint16(v)
		}
	default:
		return 0
	}
	return n
}

func (p Plane) row(y int) []byte { return p.Pix[y*p.Stride:] }
