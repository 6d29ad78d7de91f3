//go:build !linux && !darwin && !windows

package disk

// OnNetwork returns false: it is not known on this platform.
func OnNetwork(string) bool { return false }
