package decode

import (
	"image"
)

// ycbcrToRGB converts one sample. JPEG uses the full range (color.YCbCrToRGB), WebP the studio range (studioToRGB).
type ycbcrToRGB func(y, cb, cr uint8) (r, g, b uint8)

// studioToRGB converts BT.601 with luma of 16..235, as WebP stores it, by the fixed-point matrix of the WebP
// specification's reference decoder (1.164, 1.596, 0.391, 0.813, 2.018 in 1/16384, with 6 bits of fraction kept).
// The standard color model assumes JPEG's full range, which would make the picture too grey.
func studioToRGB(y, cb, cr uint8) (r, g, b uint8) {
	luma := int32(y) * 19077 >> 8
	u, v := int32(cb), int32(cr)
	return clampStudio(luma + v*26149>>8 - 14234),
		clampStudio(luma - u*6419>>8 - v*13320>>8 + 8708),
		clampStudio(luma + u*33050>>8 - 17685)
}

func clampStudio(v int32) uint8 { return uint8(min(max(v>>6, 0), 255)) }

// ycbcrRows reads planar YCbCr. Chroma at half resolution is interpolated by the triangle filter of libjpeg's "fancy
// upsampling" (IJG, jdsample.c: 3/4 of the nearer sample, 1/4 of the farther one), which is what the models were
// trained on; other ratios repeat samples.
func ycbcrRows(m *image.YCbCr, toRGB ycbcrToRGB) func(y int, rgb []byte) {
	halfW := m.SubsampleRatio == image.YCbCrSubsampleRatio420 || m.SubsampleRatio == image.YCbCrSubsampleRatio422
	if !halfW || m.Rect.Min != (image.Point{}) || m.Rect.Dx() < 2 {
		return ycbcrNearest(m, toRGB)
	}
	halfH := m.SubsampleRatio == image.YCbCrSubsampleRatio420
	width, cw, ch := m.Rect.Dx(), (m.Rect.Dx()+1)/2, m.Rect.Dy()
	if halfH {
		ch = (ch + 1) / 2
	}
	return func(y int, rgb []byte) {
		near, far := y, y
		if halfH {
			near = y / 2
			far = near - 1 + 2*(y&1)
			far = min(max(far, 0), ch-1)
		}
		cb := [2][]uint8{m.Cb[near*m.CStride:][:cw], m.Cb[far*m.CStride:][:cw]}
		cr := [2][]uint8{m.Cr[near*m.CStride:][:cw], m.Cr[far*m.CStride:][:cw]}
		luma := m.Y[y*m.YStride:][:width]
		// b0, r0 are the vertical sums (3*near+far) of the column; bPrev, rPrev, bNext and rNext are those of its neighbours.
		sum := func(c [2][]uint8, i int) int32 { return 3*int32(c[0][i]) + int32(c[1][i]) }
		bPrev, rPrev := sum(cb, 0), sum(cr, 0)
		b0, r0 := bPrev, rPrev
		for i := range cw {
			bNext, rNext := b0, r0
			if i+1 < cw {
				bNext, rNext = sum(cb, i+1), sum(cr, i+1)
			}
			x := 2 * i
			rgb[3*x], rgb[3*x+1], rgb[3*x+2] = toRGB(luma[x], uint8((3*b0+bPrev+8)>>4), uint8((3*r0+rPrev+8)>>4))
			if x+1 < width {
				rgb[3*x+3], rgb[3*x+4], rgb[3*x+5] = toRGB(luma[x+1], uint8((3*b0+bNext+7)>>4), uint8((3*r0+rNext+7)>>4))
			}
			bPrev, rPrev, b0, r0 = b0, r0, bNext, rNext
		}
	}
}

func ycbcrNearest(m *image.YCbCr, toRGB ycbcrToRGB) func(y int, rgb []byte) {
	return func(y int, rgb []byte) {
		for x := range len(rgb) / 3 {
			py, px := y+m.Rect.Min.Y, x+m.Rect.Min.X
			c := m.COffset(px, py)
			rgb[3*x], rgb[3*x+1], rgb[3*x+2] = toRGB(m.Y[m.YOffset(px, py)], m.Cb[c], m.Cr[c])
		}
	}
}
