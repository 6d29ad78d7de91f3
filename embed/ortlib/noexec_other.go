//go:build !linux

package ortlib

// noExec returns false: elsewhere folders that forbid code are rare, and loading reports them.
func noExec(string) bool { return false }
