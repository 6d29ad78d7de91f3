package original

import (
	"math"

	"github.com/imgsearch/imgsearch/embed/decode"
)

// clearlyMore is the ratio, a side, above which one picture has clearly more pixels than the other.
const clearlyMore = 1.1

// detail: the original has more real detail than what was made of it, however many pixels that has.
func detail(a, b *picture) int {
	if a.luma.pix == nil || b.luma.pix == nil || otherShot(a, b) {
		return framed(a, b)
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

// sameShape is by how much the ratios of two pictures' sides may differ where one is the other at another size.
const sameShape = 0.015

// resized compares a picture with a smaller one of its shape.
func resized(large, small *picture) int {
	ratio := math.Sqrt(float64(large.pixels()) / float64(small.pixels()))
	if large.untouched() && !small.untouched() {
		return -1
	}
	unexplained, ok := unexplainedDetail(large, small)
	switch {
	case !ok:
	case ratio > clearlyMore:
		return first(unexplained > explained)
	case unexplained < explainedSlight:
		return 1
	}
	return framed(large, small)
}

// Detail that a smaller picture does not explain, as unexplainedDetail measures it: what an enlarged copy has stays below, what the
// original of a reduced one has is above. Of a picture that is hardly larger it is less. The figures are those of docs/benchmarks.md.
const (
	explained       = 0.13
	explainedSlight = 0.06
)

// framed compares pictures that do not lie on one another: one was cropped, or shows the other with something around it.
func framed(a, b *picture) int {
	ratio := math.Sqrt(float64(a.pixels()) / float64(b.pixels()))
	if a.fromScreen() != b.fromScreen() && ratio < screenMore && ratio > 1/screenMore {
		return first(b.fromScreen()) // a picture on a screen has what the screen shows beside it
	}
	switch {
	case ratio > clearlyMore:
		return -1
	case ratio < 1/clearlyMore:
		return 1
	case a.isJPEG() && b.isJPEG() && math.Abs(a.jpegQuality-b.jpegQuality) >= muchQuality:
		return first(a.jpegQuality > b.jpegQuality)
	case ratio > 1:
		return -1
	case ratio < 1:
		return 1
	}
	return 0
}

// screenMore is the ratio a side up to which a larger picture may be a screenshot of a smaller one.
const screenMore = 4

// samePixels compares pictures of one size.
func samePixels(a, b *picture) int {
	switch {
	case a.isJPEG() && b.isJPEG():
		return twoJPEGs(a, b)
	case a.isJPEG():
		return jpegWithOther(a, b)
	case b.isJPEG():
		return -jpegWithOther(b, a)
	case a.fromScreen() != b.fromScreen():
		return first(b.fromScreen())
	case a.lossless() != b.lossless():
		return first(a.lossless())
	}
	return 0
}

// lossless reports whether the format keeps pixels as they are. That of WebP may, and the file that does is not told apart.
func (p *picture) lossless() bool {
	switch p.header.Format {
	case decode.PNG, decode.BMP, decode.TIFF:
		return true
	}
	return false
}

// jpegWithOther compares a JPEG with a picture of another format: is it what that picture gives, or that picture what it gives?
func jpegWithOther(j, other *picture) int {
	if roundingOf(j, other, nil) == roundedFrom {
		return 1
	}
	if other.fromScreen() || other.lossless() {
		return -1
	}
	return 0
}

// twoJPEGs compares JPEGs of one size.
func twoJPEGs(a, b *picture) int {
	coarse, fine, sign := a, b, 1
	if sum(a.steps) < sum(b.steps) {
		coarse, fine, sign = b, a, -1
	}
	switch roundingOf(coarse, fine, fine.steps) {
	case roundedFrom: // the fine one is the original
		return sign
	case source:
		return -sign
	case unrelated:
		energy, other := coarse.fineEnergy(), fine.fineEnergy()
		switch {
		case energy > muchEnergy*other:
			return -sign
		case other > muchEnergy*energy:
			return sign
		}
	}
	return 0
}

// muchEnergy is the ratio of energy in the highest frequencies above which one of two pictures of a size was made larger.
const muchEnergy = 6

func sum(values []float64) (s float64) {
	for _, v := range values {
		s += v
	}
	return s
}
