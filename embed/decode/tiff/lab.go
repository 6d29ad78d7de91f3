package tiff

import "math"

// labToRGB converts CIE L*a*b* (TIFF 6.0, section 23) with the white D50, as Photoshop writes it, to sRGB. l is 0 to 255 for L* of 0 to 100.
func labToRGB(l byte, a, b int) (red, green, blue byte) {
	// CIE 15:2004, 8.2.1: the inverse of L* = 116 f(Y) - 16, a* = 500 (f(X) - f(Y)), b* = 200 (f(Y) - f(Z)).
	fy := (float64(l)*100/255 + 16) / 116
	inverse := func(f float64) float64 {
		if f > 6./29 {
			return f * f * f
		}
		return (f - 4./29) * 3 * (6. / 29) * (6. / 29)
	}
	x, y, z := .96422*inverse(fy+float64(a)/500), inverse(fy), .82521*inverse(fy-float64(b)/200)
	// To linear sRGB, adapted from D50 to D65 by Bradford's method (B. Lindbloom, "RGB/XYZ Matrices").
	return gamma(3.1338561*x - 1.6168667*y - .4906146*z), gamma(-.9787684*x + 1.9161415*y + .0334540*z), gamma(.0719453*x - .2289914*y + 1.4052427*z)
}

// gamma encodes linear light of 0 to 1 (IEC 61966-2-1).
func gamma(v float64) byte {
	if v <= .0031308 {
		v *= 12.92
	} else {
		v = 1.055*math.Pow(v, 1/2.4) - .055
	}
	return byte(min(max(255*v+.5, 0), 255))
}
