package preprocess

import "math"

// layout says where an upright picture ends up in the tower's input.
type layout struct {
	// resizedW and resizedH are the whole picture's size after resizing.
	resizedW, resizedH int
	// cropX and cropY are the window's corner in the resized picture, cropW and cropH its size.
	cropX, cropY, cropW, cropH int
	// padX and padY are the window's corner in the tower's input.
	padX, padY int
}

// layout follows open_clip's transforms: torchvision's Resize and CenterCrop for shortest, ResizeKeepRatio and
// CenterCropOrPad for longest. Python rounds halves to even.
func (c Config) layout(w, h int) layout {
	var l layout
	switch c.Mode {
	case Squash:
		return layout{resizedW: c.Width, resizedH: c.Height, cropW: c.Width, cropH: c.Height}
	case Longest:
		ratio := max(float64(h)/float64(c.Height), float64(w)/float64(c.Width))
		l.resizedW = max(int(math.RoundToEven(float64(w)/ratio)), 1)
		l.resizedH = max(int(math.RoundToEven(float64(h)/ratio)), 1)
	default:
		if c.Height != c.Width { // open_clip resizes to the larger of the ratios, then crops
			ratio := min(float64(h)/float64(c.Height), float64(w)/float64(c.Width))
			l.resizedW = int(math.RoundToEven(float64(w) / ratio))
			l.resizedH = int(math.RoundToEven(float64(h) / ratio))
		} else if w <= h {
			l.resizedW, l.resizedH = c.Width, int(int64(c.Width)*int64(h)/int64(w))
		} else {
			l.resizedW, l.resizedH = int(int64(c.Height)*int64(w)/int64(h)), c.Height
		}
	}
	l.cropX, l.cropW, l.padX = centre(l.resizedW, c.Width)
	l.cropY, l.cropH, l.padY = centre(l.resizedH, c.Height)
	return l
}

// centre fits a side of n samples into size: a centred crop where it is longer, centred padding where it is shorter.
func centre(n, size int) (crop, window, pad int) {
	if n >= size {
		return int(math.RoundToEven(float64(n-size) / 2)), size, 0
	}
	return 0, n, (size - n) / 2
}

// orientation maps stored pixels to upright ones by EXIF's number: first the transposition, then the flips.
type orientation struct{ transpose, flipX, flipY bool }

func exifOrientation(n int) orientation {
	switch n {
	case 2:
		return orientation{flipX: true}
	case 3:
		return orientation{flipX: true, flipY: true}
	case 4:
		return orientation{flipY: true}
	case 5:
		return orientation{transpose: true}
	case 6:
		return orientation{transpose: true, flipX: true}
	case 7:
		return orientation{transpose: true, flipX: true, flipY: true}
	case 8:
		return orientation{transpose: true, flipY: true}
	}
	return orientation{}
}

// stored returns the layout's window in the picture as it is stored.
func (o orientation) stored(l layout) (resizedW, resizedH, x, y, w, h int) {
	resizedW, resizedH, x, y, w, h = l.resizedW, l.resizedH, l.cropX, l.cropY, l.cropW, l.cropH
	if o.flipX {
		x = resizedW - x - w
	}
	if o.flipY {
		y = resizedH - y - h
	}
	if o.transpose {
		return resizedH, resizedW, y, x, h, w
	}
	return resizedW, resizedH, x, y, w, h
}

// Upright returns a stored size as seen upright.
func Upright(width, height, exif int) (int, int) {
	if exifOrientation(exif).transpose {
		return height, width
	}
	return width, height
}

// Steps returns where a stored picture's pixels go in the upright one, as indexes of its pixels row by row: that of the first pixel, and the
// steps from one pixel to the next in a stored row, and from row to row.
func Steps(width, height, exif int) (first, across, down int) {
	o := exifOrientation(exif)
	uprightW, uprightH := Upright(width, height, exif)
	right, below := 1, uprightW
	if o.flipX {
		first, right = uprightW-1, -1
	}
	if o.flipY {
		first, below = first+(uprightH-1)*uprightW, -below
	}
	if o.transpose {
		return first, below, right
	}
	return first, right, below
}
