//go:build !unix

package socket

import "errors"

// FileID names a file; here it is not known.
func FileID(string) (string, error) { return "", errors.ErrUnsupported }
