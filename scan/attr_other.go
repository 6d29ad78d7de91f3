//go:build unix && !darwin

package scan

import "io/fs"

// Other Unix systems hide by name only.
func isHidden(fs.FileInfo) bool { return false }

// Other Unix systems have no mark for files whose contents are elsewhere.
func isPlaceholder(fs.FileInfo) bool { return false }
