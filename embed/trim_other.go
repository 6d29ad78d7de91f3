//go:build !linux

package embed

// Trim does nothing: these systems reclaim memory that native code has freed by themselves.
func Trim() {}
