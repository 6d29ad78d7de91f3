package original

import (
	"cmp"
	"math"
)

// rules decide which of two pictures is the original, the strongest rule first. A rule returns a negative number if the first picture is
// the original, and 0 if it cannot tell.
var rules = []func(a, b *picture) int{readable, raw, detail, quality, provenance, fileSize, age}

// compare orders the original before its copy.
func compare(a, b *picture) int {
	for _, rule := range rules {
		if c := rule(a, b); c != 0 {
			return c
		}
	}
	return 0
}

// prefer is the result of a rule that prefers pictures with a property; 0 if both pictures have it, or neither.
func prefer(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// preferMore is the result of a rule that prefers the picture whose value is more than times the other's.
func preferMore(a, b, times float64) int {
	return prefer(a > times*b, b > times*a)
}

// readable prefers pictures that can be decoded.
func readable(a, b *picture) int { return prefer(a.readable, b.readable) }

// raw prefers camera raw files, which the other files were made from.
func raw(a, b *picture) int { return prefer(a.isRaw(), b.isRaw()) }

// untouched prefers files that are as the camera wrote them.
func untouched(a, b *picture) int { return prefer(a.untouched(), b.untouched()) }

const (
	// betterQuality is the difference in JPEG quality, in libjpeg's points, from which quality decides.
	betterQuality = 1.5
	// muchQuality is the difference from which it decides even if one picture has slightly more pixels.
	muchQuality = 10
)

// quality prefers JPEGs that were compressed less.
func quality(a, b *picture) int { return betterBy(a, b, betterQuality) }

// betterBy prefers the JPEG whose quality is better by at least that many points.
func betterBy(a, b *picture, points float64) int {
	if !a.isJPEG() || !b.isJPEG() || math.Abs(a.jpegQuality-b.jpegQuality) < points {
		return 0
	}
	return cmp.Compare(b.jpegQuality, a.jpegQuality)
}

// clearlySharper is the ratio of sharpness from which focus decides between two shots.
const clearlySharper = 1.5

// focus prefers the sharper of two shots.
func focus(a, b *picture) int { return preferMore(a.sharpness, b.sharpness, clearlySharper) }

// sameBytes is the relative difference up to which two sizes count as equal: saving a picture again changes its size this much.
const sameBytes = 0.02

// fileSize prefers the larger file, which was probably compressed less.
func fileSize(a, b *picture) int {
	if math.Abs(float64(a.size-b.size)) <= sameBytes*float64(max(a.size, b.size)) {
		return 0
	}
	return cmp.Compare(b.size, a.size)
}

// age prefers the older file.
func age(a, b *picture) int { return a.mtime.Compare(b.mtime) }
