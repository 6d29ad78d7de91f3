//go:build !linux

package disk

// rotates returns false: it is not known on this platform.
func rotates(string) bool { return false }
