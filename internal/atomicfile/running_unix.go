//go:build unix

package atomicfile

import "syscall"

// isRunning reports whether a process of this machine is running.
func isRunning(pid int) bool {
	err := syscall.Kill(pid, 0)
	return err == nil || err == syscall.EPERM
}
