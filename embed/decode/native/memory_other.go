//go:build !linux

package native

// memoryLimit does nothing: on this system, a process's private memory cannot be limited.
type memoryLimit struct{}

func newMemoryLimit() memoryLimit { return memoryLimit{} }

func (memoryLimit) set(int64) {}
