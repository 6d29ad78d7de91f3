// Package libheif decodes HEIC, HEIF and AVIF with the system's libheif, if there is one. The library is opened when it is first needed.
// Hostile data may crash it: only a child process may call Decode. It must not know what the picture is for.
package libheif

import "errors"

// ErrMissing means that the system has no libheif. On Windows none is looked for.
var ErrMissing = errors.New("no libheif")

// Picture is a decoded picture, upright.
type Picture struct {
	Width, Height int
	// Channels is 3 for RGB, 4 for RGBA with alpha that is not premultiplied.
	Channels int
	Pix      []byte
	Stride   int // bytes from one row to the next
}
