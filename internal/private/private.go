// Package private recognises folders and files that nobody but this user and the administrator can change. Code and copies of models are
// loaded only from there. It must not know what they are.
package private

import "errors"

var (
	// ErrForeign means that a folder or file belongs to another user.
	ErrForeign = errors.New("it belongs to another user")
	// ErrShared means that other users can write to a folder or file.
	ErrShared = errors.New("other users can write to it")
)

// Checked says whether Check knows how this system protects files.
const Checked = checked

// Check returns an error if another user owns the folder or file, or can write to it. Windows protects files by access lists that this
// package does not read: there, no folder is refused.
func Check(path string) error { return check(path) }
