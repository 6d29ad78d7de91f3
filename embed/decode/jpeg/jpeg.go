// Package jpeg decodes JPEG pictures (ITU-T T.81) at 8/8, 4/8, 2/8 or 1/8 of their size, by inverse cosine transforms of
// fewer points: a tower with an input of 224 pixels needs neither all samples nor all coefficients of a photo of 12
// million pixels. It reads 8-bit baseline, extended and progressive files, with Huffman or arithmetic coding, with one, three or four components,
// keeps the intact part of a damaged file, and must not know what the picture is for.
package jpeg

import (
	"errors"
	"fmt"
)

var (
	// ErrFormat means that the data is not a JPEG, or is too damaged to use.
	ErrFormat = errors.New("damaged")
	// ErrUnsupported means that this kind of JPEG is not supported: 12 bits, lossless, hierarchical.
	ErrUnsupported = errors.New("unsupported kind of JPEG")
)

// Space says what the components of a picture mean.
type Space int

// The colour spaces.
const (
	Gray Space = iota
	YCbCr
	RGB
	CMYK // stored inverted, as Adobe does: 255 is no ink
	YCCK // YCbCr of inverted CMY, and K as in CMYK
	Ink  // CMYK where 255 is full ink, as in TIFF; files do not say so
)

// Picture is a decoded picture: a plane of samples for each component.
type Picture struct {
	// Width and Height are the whole picture's, in pixels, as stored.
	Width, Height int
	// Scale is the numerator of the scale, in eighths: 8, 4, 2 or 1.
	Scale int
	Space Space
	// Damaged reports whether part of the data was missing or wrong. Rows is the height of the decoded part in pixels:
	// Height, or less if the end is missing.
	Damaged bool
	Rows    int

	planes []plane
}

// plane holds the samples of one component.
type plane struct {
	pix    []byte
	stride int
	w, h   int // the samples that cover the picture; the last ones may be only partly inside it
	// perX and perY are the samples per scaled pixel, as fractions.
	perX, perY ratio
}

type ratio struct{ num, den int }

// Size returns the number of columns and rows that Row works with: the scaled size, rounded up.
func (p *Picture) Size() (w, h int) {
	return ceilDiv(p.Width*p.Scale, 8), ceilDiv(p.Rows*p.Scale, 8)
}

// Extent returns the picture's exact size in scaled pixels; the last column and row may be partial. Resampling with the
// rounded size instead would shift the picture.
func (p *Picture) Extent() (w, h float64) {
	return float64(p.Width*p.Scale) / 8, float64(p.Rows*p.Scale) / 8
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// Decode decodes a whole file at the smallest scale whose short side is at least minShort pixels; 0 means full size. A
// damaged file is decoded as far as possible, if that is at least half the picture. Errors wrap ErrFormat or ErrUnsupported.
func Decode(data []byte, minShort int) (*Picture, error) {
	d := &decoder{bits: bits{data: data}, minShort: minShort}
	if err := d.segments(); err != nil {
		return nil, err
	}
	return d.picture()
}

// scaleFor returns the smallest scale, in eighths, whose short side is at least minShort.
func scaleFor(width, height, minShort int) int {
	if minShort > 0 {
		for n := 1; n < 8; n *= 2 {
			if min(width, height)*n/8 >= minShort {
				return n
			}
		}
	}
	return 8
}

// Memory returns the most bytes that decoding allocates for the picture at the scale for minShort: planes, and coefficients
// if the file is progressive.
func (h Header) Memory(minShort int) int64 {
	scale := scaleFor(h.Width, h.Height, minShort)
	var sum int64
	for _, c := range h.layout(scale) {
		blocks := int64(c.blocksX) * int64(c.blocksY)
		sum += blocks * int64(c.n*c.n)
		if h.collects() {
			sum += blocks * int64(c.coefficients()) * 2
		}
	}
	return sum
}

// Pixels returns the number of pixels of the decoded picture if its short side may be as small as minShort.
func (h Header) Pixels(minShort int) int64 {
	scale := int64(scaleFor(h.Width, h.Height, minShort))
	return ((int64(h.Width)*scale + 7) / 8) * ((int64(h.Height)*scale + 7) / 8)
}

// neutral fills a component with the value that stands for no colour.
func (c *component) neutral() {
	for i := range c.pix {
		c.pix[i] = 128
	}
}

// picture builds the result from the decoded scans.
func (d *decoder) picture() (*Picture, error) {
	if len(d.comps) == 0 {
		return nil, fmt.Errorf("%w: no frame header", ErrFormat)
	}
	p := &Picture{Width: d.head.Width, Height: d.head.Height, Scale: d.scale, Space: d.space(), Damaged: d.damaged, Rows: d.head.Height}
	for i := range d.comps {
		c := &d.comps[i]
		total := c.wantX * c.wantY
		if c.done < total {
			p.Damaged = true
		}
		if 2*c.done < total && i > 0 && p.Space == YCbCr {
			c.neutral() // the scans of the colours never came, or ended early: what there is, is a grey picture
			continue
		}
		if 2*c.done < total || c.done == 0 {
			return nil, fmt.Errorf("%w: truncated: only %d %% of the picture can be decoded", ErrFormat, 100*c.done/max(total, 1))
		}
		// Pixels for each row of blocks of this component.
		p.Rows = min(p.Rows, c.lastRow*8*d.head.vmax/c.v)
	}
	if p.Rows == 0 {
		return nil, fmt.Errorf("%w: no row of the picture is complete", ErrFormat)
	}
	if d.head.collects() {
		d.reconstruct()
	}
	for i := range d.comps {
		c := &d.comps[i]
		x := ratio{c.h * c.n, d.head.hmax * d.scale}
		y := ratio{c.v * c.n, d.head.vmax * d.scale}
		p.planes = append(p.planes, plane{
			pix: c.pix, stride: c.stride, perX: x, perY: y,
			w: ceilDiv(p.Width*c.h*c.n, 8*d.head.hmax), h: ceilDiv(p.Rows*c.v*c.n, 8*d.head.vmax),
		})
	}
	return p, nil
}
