//go:build unix && !darwin

package scan

import "io/fs"

// isHidden returns false: other Unix systems hide files by name only.
func isHidden(fs.FileInfo) bool { return false }

// isPlaceholder returns false: other Unix systems do not mark files whose contents are elsewhere.
func isPlaceholder(fs.FileInfo) bool { return false }
