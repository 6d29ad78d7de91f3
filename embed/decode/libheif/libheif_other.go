//go:build !linux && !darwin

// Package libheif decodes HEIC and HEIF through the system's libheif; on this system it looks for none. It must not
// know what the picture is for.
package libheif

import "errors"

// ErrMissing tells that the system has no libheif.
var ErrMissing = errors.New("no libheif")

// Version is "": there is no library.
func Version() string { return "" }

// Decode always fails.
func Decode([]byte) (pix []byte, width, height int, alpha bool, err error) {
	return nil, 0, 0, false, ErrMissing
}
