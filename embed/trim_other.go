//go:build !linux

package embed

// trimNative does nothing: these systems reclaim memory that native code has freed by themselves.
func trimNative() {}
