//go:build !linux

package disk

// rotates is not known here: the machines of these systems have had no such disk inside for years.
func rotates(string) bool { return false }
