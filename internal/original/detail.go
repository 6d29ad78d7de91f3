package original

import (
	"cmp"
	"math"

	"github.com/imgsearch/imgsearch/embed/decode"
)

// clearlyMore is the ratio of sides above which a picture has clearly more pixels than another.
const clearlyMore = 1.1

// detail prefers the picture with more real detail: enlarging a picture adds pixels but no detail.
func detail(a, b *picture) int {
	switch {
	case otherShot(a, b):
		return cmp.Or(preferMore(a.side(), b.side(), clearlyMore), focus(a, b))
	case a.luma.pix == nil || b.luma.pix == nil: // too large to decode
		return untouched(a, b)
	}
	x, y := float64(b.luma.w)/float64(a.luma.w), float64(b.luma.h)/float64(a.luma.h)
	switch {
	case x == 1 && y == 1:
		return samePixels(a, b)
	case math.Abs(x/y-1) > sameShape || x > 1 != (y > 1):
		return framed(a, b)
	case x > 1:
		return -resized(b, a)
	}
	return resized(a, b)
}

// side returns the side of a square with the same number of pixels.
func (p *picture) side() float64 { return math.Sqrt(float64(p.pixels())) }

// sameShape is the relative difference up to which two aspect ratios count as equal.
const sameShape = 0.015

// resized compares a picture with a smaller one of the same shape.
func resized(large, small *picture) int {
	camera := untouched(large, small)
	if camera < 0 {
		return camera
	}
	unexplained, ok := unexplainedDetail(large, small)
	clearly := large.side() > clearlyMore*small.side()
	switch {
	case ok && camera > 0 && unexplained < surely*explained:
		return camera // sharpening an enlarged copy is not detail
	case !ok && clearly:
		return -1
	case !ok:
		return 0
	case clearly && unexplained > explained:
		return -1
	case clearly, unexplained < explainedSlight:
		return 1
	}
	return framed(large, small)
}

// Thresholds of unexplainedDetail, measured in docs/benchmarks.md#originals.
const (
	// explained separates enlarged copies, below, from the originals of reduced copies, above.
	explained = 0.13
	// explainedSlight does so for pictures that are less than clearlyMore larger.
	explainedSlight = 0.06
	// surely is the multiple of explained that outweighs a camera's metadata in the smaller picture.
	surely = 3
)

// framed compares pictures whose pixels do not coincide: one was cropped, or shows the other with a frame around it.
func framed(a, b *picture) int {
	if c := untouched(a, b); c != 0 {
		return c
	}
	if a.showsOnScreen(b) || b.showsOnScreen(a) {
		return prefer(b.fromScreen(), a.fromScreen())
	}
	return cmp.Or(preferMore(a.side(), b.side(), clearlyMore), betterBy(a, b, muchQuality), cmp.Compare(b.pixels(), a.pixels()))
}

const (
	// screenLess and screenMore bound the ratio of sides for a screenshot that shows a picture at its own size in a window.
	screenLess = 0.98
	screenMore = 1.35
	// enlargedFine is the share of the picture's energy in the highest frequencies below which a larger screenshot shows it enlarged.
	enlargedFine = 0.25
)

// showsOnScreen reports whether a file may be a screenshot of another picture, which is not a screenshot itself.
func (p *picture) showsOnScreen(other *picture) bool {
	ratio := p.side() / other.side()
	switch {
	case !p.fromScreen() || other.fromScreen() || ratio < screenLess:
		return false
	case ratio < screenMore:
		return true
	}
	return p.typicalFine() < enlargedFine*other.typicalFine()
}

// samePixels compares pictures of the same size.
func samePixels(a, b *picture) int {
	switch {
	case a.isJPEG() && b.isJPEG():
		return twoJPEGs(a, b)
	case a.isJPEG():
		return jpegWithOther(a, b)
	case b.isJPEG():
		return -jpegWithOther(b, a)
	}
	return cmp.Or(prefer(b.fromScreen(), a.fromScreen()), untouched(a, b), prefer(a.lossless(), b.lossless()))
}

// lossless reports whether the format preserves pixels. It does not recognise lossless WebP.
func (p *picture) lossless() bool {
	switch p.header.Format {
	case decode.PNG, decode.BMP, decode.TIFF:
		return true
	}
	return false
}

// jpegWithOther compares a JPEG with a picture in another format.
func jpegWithOther(j, other *picture) int {
	if roundingOf(j, other) == roundedFrom {
		return 1
	}
	return cmp.Or(untouched(j, other), prefer(other.fromScreen() || other.lossless(), false))
}

// twoJPEGs compares JPEGs of the same size.
func twoJPEGs(a, b *picture) int {
	coarse, fine := a, b
	if sum(a.steps) < sum(b.steps) {
		coarse, fine = b, a
	}
	switch roundingOf(coarse, fine) {
	case roundedFrom:
		return prefer(a == fine, b == fine)
	case source:
		return prefer(a == coarse, b == coarse)
	case unrelated:
		return cmp.Or(untouched(a, b), preferMore(a.fineEnergy(), b.fineEnergy(), muchEnergy))
	}
	return 0
}

// muchEnergy is the ratio of energies in the highest frequencies above which, of two pictures of the same size, the weaker one was enlarged.
const muchEnergy = 6

func sum(values []float64) (s float64) {
	for _, v := range values {
		s += v
	}
	return s
}
