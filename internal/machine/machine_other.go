//go:build !darwin

package machine

// Translated reports whether this process runs under Rosetta, on a processor of another architecture.
func Translated() bool { return false }
