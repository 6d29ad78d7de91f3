//go:build !linux

package disk

// rotates is not known here.
func rotates(string) bool { return false }
