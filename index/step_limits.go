package index

import (
	"context"
	"fmt"
)

// maxSide is the longest side allowed, in pixels: twice the longest in JPEG. Working memory grows with a side, and a picture of one row
// of 300 million pixels is an attack, not a panorama.
const maxSide = 1 << 17

// checkLimits rejects pictures that are too large, and shapes and file sizes that no picture has, before any memory is allocated: a file may
// have 64 MiB of metadata and 16 bytes per pixel, twice what the most wasteful format uses.
func checkLimits(_ context.Context, w *worker, f *reading) (bool, error) {
	h, size := f.header, f.task.stat.Size
	if int64(h.Width)*int64(h.Height) > w.req.MaxPixels {
		return false, broken(&TooLargeError{h.Width, h.Height, w.req.MaxPixels})
	}
	if h.Width > maxSide || h.Height > maxSide {
		return false, broken(fmt.Errorf("%d x %d pixels: a side is longer than %d", h.Width, h.Height, maxSide))
	}
	if limit := 64<<20 + 16*int64(h.Width)*int64(h.Height); size > limit {
		return false, broken(fmt.Errorf("the file is too large for its picture: %d bytes for %d x %d pixels", size, h.Width, h.Height))
	}
	return false, nil
}
