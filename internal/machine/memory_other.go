//go:build !linux

package machine

// AvailableMemory returns 0: it is not known on this platform. Callers then use half of the total memory.
func AvailableMemory() uint64 { return 0 }
