//go:build !linux && !darwin

// Package libheif decodes HEIC and HEIF with the system's libheif; on this system it does not look for one. It must not
// know what the picture is for.
package libheif

import "errors"

// ErrMissing means that the system has no libheif.
var ErrMissing = errors.New("no libheif")

// Version returns "", because there is no library.
func Version() string { return "" }

// Decode always fails.
func Decode([]byte) (pix []byte, width, height int, alpha bool, err error) {
	return nil, 0, 0, false, ErrMissing
}
