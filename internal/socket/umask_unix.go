//go:build unix

package socket

import "syscall"

// onlyMine makes new files private until the returned function is called.
func onlyMine() (end func()) {
	before := syscall.Umask(0o077)
	return func() { syscall.Umask(before) }
}
