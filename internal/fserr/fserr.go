// Package fserr shortens file system errors for messages that already name the file. It must not know the messages.
package fserr

import (
	"errors"
	"io/fs"
)

// Cause strips the operation and the path from a file system error: "permission denied". Other errors are returned as
// they are.
func Cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
