//go:build !linux && !darwin

package libheif

// Version returns "", because there is no library.
func Version() string { return "" }

// Decode always fails.
func Decode([]byte, func(Picture) error) error { return ErrMissing }
