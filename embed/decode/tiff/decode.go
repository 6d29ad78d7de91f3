package tiff

import (
	"encoding/binary"
	"errors"
	"image/color"
	"io"

	"github.com/imgsearch/imgsearch/embed/decode/pixel"
)

// Decode decodes the picture from the whole file.
func (l *Layout) Decode(data []byte) (*pixel.Picture, error) {
	p := &pixel.Picture{Width: l.Width, Height: l.Height, Gray: l.isGray()}
	perPixel := 3
	if p.Gray {
		perPixel = 1
	}
	d := decoder{Layout: l, order: order(data), row: make([]byte, l.rowBytes()), perPixel: perPixel}
	if l.planar == 2 {
		perPixel = max(perPixel, l.stored())
	}
	p.Pix = make([]byte, l.Width*l.Height*perPixel)
	if l.format == float && l.photometric != cieLab {
		if err := d.findTop(data); err != nil {
			return nil, err
		}
	}
	if err := d.segments(data, func(data []byte, x, y, plane int) error { return d.segment(p.Pix, data, x, y, plane) }); err != nil {
		return nil, err
	}
	if l.planar == 2 {
		p.Pix = d.joinPlanes(p.Pix)
	}
	return p, nil
}

// segments calls use for the data of each strip or tile, with its place in the picture.
func (d *decoder) segments(data []byte, use func(data []byte, x, y, plane int) error) error {
	across, down := d.grid()
	for i := range across * down * d.planes() {
		plane, at := i/(across*down), i%(across*down)
		offset, length := d.offsets[i], d.lengths[i]
		if offset < 0 || length < 0 || offset > int64(len(data)) {
			return errTruncated
		}
		end := min(offset+length, int64(len(data)))
		if err := use(data[offset:end], at%across*d.segW, at/across*d.segH, plane); err != nil {
			return err
		}
	}
	return nil
}

func order(data []byte) binary.ByteOrder {
	if len(data) > 0 && data[0] == 'M' {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// decoder holds the buffers of one decoding.
type decoder struct {
	*Layout

	order    binary.ByteOrder
	row      []byte // as stored
	samples8 []byte // the same, with one byte for each sample
	perPixel int
	mixed    []byte  // a row before its bytes are put in order
	top      float64 // the number that is white in floating point
}

// segment decodes a strip or tile into its place. The rows of a tile that lie outside the picture are not needed.
func (d *decoder) segment(pix, data []byte, x, y, plane int) error {
	rows := min(d.segH, d.Height-y)
	in, err := d.expand(data)
	if err != nil {
		return ended(err)
	}
	w := min(d.segW, d.Width-x)
	if d.subsampled() {
		return d.blocks(in, pix, x, y, w, rows)
	}
	for r := range rows {
		if _, err := io.ReadFull(in, d.row); err != nil {
			return ended(err)
		}
		if err := d.undoPredictor(); err != nil {
			return err
		}
		d.unpack(w)
		if at := (y+r)*d.Width + x; d.planar == 2 {
			d.putPlane(pix, at, w, plane)
		} else {
			d.put(pix[d.perPixel*at:d.perPixel*(at+w)], d.samples8, d.samples)
		}
	}
	return nil
}

// ended returns errTruncated for the end of a strip.
func ended(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errTruncated
	}
	return err
}

// unpack fills samples8 with the samples of the first w pixels of the row, scaled to 8 bits; indexes of a palette are not scaled.
func (d *decoder) unpack(w int) {
	n := w * (d.samples / d.planes())
	if cap(d.samples8) < n {
		d.samples8 = make([]byte, n)
	}
	d.samples8 = d.samples8[:n]
	if d.format == float {
		d.unpackFloat()
		return
	}
	if (d.photometric == cieLab || d.photometric == iccLab) && d.bits == 16 { // a* and b* have their middle at a whole number of 256
		for i := range d.samples8 {
			d.samples8[i] = byte(d.order.Uint16(d.row[2*i:]) >> 8)
		}
		return
	}
	switch d.bits {
	case 8:
		d.samples8 = append(d.samples8[:0], d.row[:n]...)
	case 16:
		for i := range d.samples8 {
			d.samples8[i] = pixel.To8(uint32(d.order.Uint16(d.row[2*i:])))
		}
	case 32:
		for i := range d.samples8 {
			d.samples8[i] = byte((uint64(d.order.Uint32(d.row[4*i:]))*255 + 1<<31) / (1<<32 - 1))
		}
	case 12:
		for i := range d.samples8 {
			at := i * 3 / 2
			v := uint32(d.row[at])<<4 | uint32(d.row[at+1])>>4
			if i%2 == 1 {
				v = uint32(d.row[at]&0x0f)<<8 | uint32(d.row[at+1])
			}
			d.samples8[i] = byte((v*255 + 2047) / 4095)
		}
	default:
		scale := byte(1)
		if d.photometric != palette {
			scale = 255 / (1<<d.bits - 1)
		}
		mask := byte(1<<d.bits - 1)
		for i := range d.samples8 {
			bit := i * d.bits
			d.samples8[i] = d.row[bit/8] >> (8 - d.bits - bit%8) & mask * scale
		}
	}
}

// put writes pixels, whose samples lie step bytes apart, to dst.
func (d *decoder) put(dst, samples []byte, step int) {
	switch {
	case d.perPixel == 1:
		for i := range dst {
			dst[i] = d.gray(samples[i*step])
		}
	case d.photometric == rgb && d.alpha < 0 && step == 3:
		copy(dst, samples)
	case d.photometric == palette:
		for i := range len(dst) / 3 {
			*(*[3]byte)(dst[3*i:]) = d.colors[samples[i*step]]
		}
	case d.photometric == rgb && d.alpha == 3 && !d.associated:
		for i := range len(dst) / 3 {
			s, t := samples[i*step:i*step+4:i*step+4], dst[3*i:3*i+3:3*i+3]
			a := uint32(s[3])
			for c := range 3 {
				t[c] = pixel.OnWhite(s[c], a)
			}
		}
	default:
		for i := range len(dst) / 3 {
			d.pixel(dst[3*i:3*i+3:3*i+3], samples[i*step:(i+1)*step], d.alpha)
		}
	}
}

func (d *decoder) gray(v byte) byte {
	if d.photometric == whiteIsZero {
		return 255 - v
	}
	return v
}

// pixel writes one pixel as RGB on white. alpha is the index of the alpha sample; negative: none.
func (d *decoder) pixel(dst, s []byte, alpha int) {
	var r, g, b byte
	switch d.photometric {
	case palette:
		c := d.colors[s[0]]
		r, g, b = c[0], c[1], c[2]
	case cmyk:
		r, g, b = color.CMYKToRGB(s[0], s[1], s[2], s[3])
	case rgb:
		r, g, b = s[0], s[1], s[2]
	case yCbCr:
		if d.video != nil {
			r, g, b = d.video.rgb(s[0], s[1], s[2])
			break
		}
		r, g, b = color.YCbCrToRGB(s[0], s[1], s[2])
	case cieLab:
		r, g, b = labToRGB(s[0], int(int8(s[1])), int(int8(s[2])))
	case iccLab:
		r, g, b = labToRGB(s[0], int(s[1])-128, int(s[2])-128)
	default:
		r = d.gray(s[0])
		g, b = r, r
	}
	if alpha >= 0 {
		a := uint32(s[alpha])
		r, g, b = d.onWhite(r, a), d.onWhite(g, a), d.onWhite(b, a)
	}
	dst[0], dst[1], dst[2] = r, g, b
}

// onWhite blends a channel with white, as its kind of alpha requires.
func (d *decoder) onWhite(v byte, alpha uint32) byte {
	if d.associated {
		return pixel.PremultipliedOnWhite(v, alpha)
	}
	return pixel.OnWhite(v, alpha)
}

// putPlane writes one sample of each pixel: with its index for the colours, and last for the alpha. Other samples are not needed.
func (d *decoder) putPlane(pix []byte, at, w, plane int) {
	n := d.stored()
	slot := plane
	switch {
	case plane == d.alpha:
		slot = n - 1
	case d.alpha >= 0 && plane >= n-1, plane >= n:
		return
	}
	size := max(d.perPixel, n)
	for i := range w {
		pix[(at+i)*size+slot] = d.samples8[i]
	}
}

// joinPlanes turns the samples of separate planes into pixels, in place.
func (d *decoder) joinPlanes(pix []byte) []byte {
	n := d.stored()
	size := max(d.perPixel, n)
	alpha := -1
	if d.alpha >= 0 {
		alpha = n - 1
	}
	var s [8]byte
	for i := range d.Width * d.Height {
		copy(s[:n], pix[i*size:i*size+n])
		if d.perPixel == 1 {
			pix[i] = d.gray(s[0])
		} else {
			d.pixel(pix[3*i:3*i+3], s[:n], alpha)
		}
	}
	return pix[:d.perPixel*d.Width*d.Height]
}
