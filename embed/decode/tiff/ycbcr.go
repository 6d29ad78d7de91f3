package tiff

import (
	"io"
	"slices"
)

// video is YCbCr whose range or coefficients are not JPEG's (TIFF 6.0, section 21).
type video struct {
	red, green, blue float64         // in luma
	codes            [3][256]float64 // from samples to luma of 0 to 255 and chroma of -127 to 127
}

// newVideo returns the conversion for ReferenceBlackWhite and YCbCrCoefficients, nil if these are JPEG's, missing or senseless.
func newVideo(reference, coefficients []float64) *video {
	usualReference, usual := []float64{0, 255, 128, 255, 128, 255}, []float64{.299, .587, .114}
	if reference == nil || !(reference[1] > reference[0] && reference[3] > reference[2] && reference[5] > reference[4]) {
		reference = usualReference
	}
	if coefficients == nil || !(coefficients[0] > 0 && coefficients[1] > 0 && coefficients[2] > 0 && coefficients[0]+coefficients[2] < 1) {
		coefficients = usual
	}
	if slices.Equal(reference, usualReference) && slices.Equal(coefficients, usual) {
		return nil
	}
	v := &video{red: coefficients[0], green: coefficients[1], blue: coefficients[2]}
	for i, top := range [3]float64{255, 127, 127} {
		for code := range 256 {
			v.codes[i][code] = (float64(code) - reference[2*i]) * top / (reference[2*i+1] - reference[2*i])
		}
	}
	return v
}

func (v *video) rgb(y, cb, cr byte) (r, g, b byte) {
	luma, u, w := v.codes[0][y], v.codes[1][cb], v.codes[2][cr]
	red, blue := luma+w*(2-2*v.red), luma+u*(2-2*v.blue)
	clip := func(v float64) byte { return byte(min(max(v+.5, 0), 255)) }
	return clip(red), clip((luma - v.blue*blue - v.red*red) / v.green), clip(blue)
}

// blocks decodes a strip or tile of YCbCr whose pixels share chroma: blocks of subX x subY pixels, with all luma first (TIFF 6.0, section 21).
func (d *decoder) blocks(in io.Reader, pix []byte, x, y, w, rows int) error {
	size := d.subX*d.subY + 2
	d.samples8 = append(d.samples8[:0], make([]byte, 3*w)...)
	for top := 0; top < rows; top += d.subY {
		if _, err := io.ReadFull(in, d.row); err != nil {
			return ended(err)
		}
		for dy := range min(d.subY, rows-top) {
			for i := range w {
				block := d.row[i/d.subX*size:][:size]
				d.samples8[3*i], d.samples8[3*i+1], d.samples8[3*i+2] = block[dy*d.subX+i%d.subX], block[size-2], block[size-1]
			}
			at := (y+top+dy)*d.Width + x
			d.put(pix[d.perPixel*at:d.perPixel*(at+w)], d.samples8, 3)
		}
	}
	return nil
}
