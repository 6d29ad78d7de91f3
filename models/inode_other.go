//go:build !unix

package models

import "io/fs"

// inode is 0 where a stat has none: path, size and mtime must do.
func inode(fs.FileInfo) uint64 { return 0 }
