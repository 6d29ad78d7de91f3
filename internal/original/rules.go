package original

import (
	"cmp"
	"math"
)

// readable: what cannot be decoded is not kept for an original.
func readable(a, b *picture) int {
	if a.readable == b.readable {
		return 0
	}
	return first(a.readable)
}

// raw: a camera's raw file is what the others were made of.
func raw(a, b *picture) int {
	if a.isRaw() == b.isRaw() {
		return 0
	}
	return first(a.isRaw())
}

// betterQuality is the difference, in libjpeg's points, below which two qualities are taken for one; much the one above which a picture
// with a few pixels less is better.
const (
	betterQuality = 1.5
	muchQuality   = 10
)

// quality: JPEG that was compressed less is nearer to the original.
func quality(a, b *picture) int {
	if !a.isJPEG() || !b.isJPEG() || math.Abs(a.jpegQuality-b.jpegQuality) < betterQuality {
		return 0
	}
	return first(a.jpegQuality > b.jpegQuality)
}

// clearlySharper is the ratio of two shots' sharpness above which focus decides between them.
const clearlySharper = 1.5

// focus: of two shots by a camera the sharper one.
func focus(a, b *picture) int {
	switch {
	case a.sharpness > clearlySharper*b.sharpness:
		return -1
	case b.sharpness > clearlySharper*a.sharpness:
		return 1
	}
	return 0
}

// sameBytes is the share by which two files may differ and be taken for equally large: saving a picture again changes so much by chance.
const sameBytes = 0.02

// fileSize: what has more bytes was compressed less.
func fileSize(a, b *picture) int {
	if math.Abs(float64(a.size-b.size)) <= sameBytes*float64(max(a.size, b.size)) {
		return 0
	}
	return cmp.Compare(b.size, a.size)
}

// age: a copy is younger, where its time was not copied too.
func age(a, b *picture) int { return a.mtime.Compare(b.mtime) }
