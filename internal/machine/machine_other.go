//go:build !darwin

package machine

// Translated tells whether Rosetta translates this process for another processor.
func Translated() bool { return false }
