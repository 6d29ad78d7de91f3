//go:build !unix

package models

import "io/fs"

// inode returns 0: this system's stat has no inode, so path, size and mtime identify a file.
func inode(fs.FileInfo) uint64 { return 0 }
