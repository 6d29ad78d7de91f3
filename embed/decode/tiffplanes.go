package decode

import (
	"image/color"
)

// joinJPEGPlanes turns pixels of n components into RGB.
func joinJPEGPlanes(pix []byte, n int, photometric int64) []byte {
	count := len(pix) / n
	out := make([]byte, 3*count)
	for i := range count {
		s, to := pix[n*i:n*i+n], out[3*i:3*i+3:3*i+3]
		switch {
		case n >= 4 && photometric == tiffCMYK:
			to[0], to[1], to[2] = color.CMYKToRGB(s[0], s[1], s[2], s[3])
		case n >= 3 && photometric == tiffYCbCr:
			to[0], to[1], to[2] = color.YCbCrToRGB(s[0], s[1], s[2])
		case n >= 3:
			copy(to, s)
		default:
			to[0], to[1], to[2] = s[0], s[0], s[0]
		}
	}
	return out
}
