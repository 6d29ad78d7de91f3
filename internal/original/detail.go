package original

import (
	"math"

	"github.com/imgsearch/imgsearch/embed/decode"
)

// clearlyMore is the ratio, a side, above which one picture has clearly more pixels than the other.
const clearlyMore = 1.1

// detail: the original has more real detail than what was made of it, however many pixels that has.
func detail(a, b *picture) int {
	switch {
	case otherShot(a, b):
		if ratio := sideRatio(a, b); ratio > clearlyMore || ratio < 1/clearlyMore {
			return first(ratio > 1)
		}
		return focus(a, b)
	case a.luma.pix == nil || b.luma.pix == nil: // too large: nobody knows what its pixels show
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

// sideRatio is how much larger the first picture is, a side.
func sideRatio(a, b *picture) float64 {
	return math.Sqrt(float64(a.pixels()) / float64(b.pixels()))
}

// untouched: what is as a camera wrote it is not made of what is not.
func untouched(a, b *picture) int {
	if a.untouched() == b.untouched() {
		return 0
	}
	return first(a.untouched())
}

// sameShape is by how much the ratios of two pictures' sides may differ where one is the other at another size.
const sameShape = 0.015

// resized compares a picture with a smaller one of its shape.
func resized(large, small *picture) int {
	if large.untouched() && !small.untouched() {
		return -1
	}
	unexplained, ok := unexplainedDetail(large, small)
	clearly := sideRatio(large, small) > clearlyMore
	switch {
	case ok && small.untouched() && !large.untouched() && unexplained < surely*explained:
		return 1 // what a program sharpened is no detail
	case !ok && clearly:
		return -1
	case !ok:
		return 0
	case clearly:
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
	// surely is how many times as much there must be to stand against what a camera's data say.
	surely = 3
)

// framed compares pictures that do not lie on one another: one was cropped, or shows the other with something around it.
func framed(a, b *picture) int {
	if c := untouched(a, b); c != 0 {
		return c
	}
	if a.fromScreen() != b.fromScreen() {
		if shot, other := a, b; shot.showsOnScreen(other) || other.showsOnScreen(shot) {
			return first(b.fromScreen())
		}
	}
	ratio := sideRatio(a, b)
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

const (
	// screenLess and screenMore are the ratios a side between which a picture on a screen may be the other at its own size, with what the
	// screen shows beside it.
	screenLess = 0.98
	screenMore = 1.35
	// enlargedFine is the share of the other's energy in the highest frequencies below which a larger one on a screen was enlarged for it.
	enlargedFine = 0.25
)

// showsOnScreen reports whether a file that programs make shows another picture, as a screenshot does.
func (p *picture) showsOnScreen(other *picture) bool {
	ratio := sideRatio(p, other)
	switch {
	case !p.fromScreen() || ratio < screenLess:
		return false
	case ratio < screenMore:
		return true
	}
	return p.typicalFine() < enlargedFine*other.typicalFine()
}

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
	case a.untouched() != b.untouched():
		return untouched(a, b)
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
	if c := untouched(j, other); c != 0 {
		return c
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
		if c := untouched(a, b); c != 0 {
			return c
		}
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
