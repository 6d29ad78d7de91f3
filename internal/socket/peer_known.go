//go:build linux || darwin

package socket

import (
	"net"
	"os"
)

// IsAvailable says whether this system tells who answers at a socket.
const IsAvailable = true

// isMine reports whether the process at the other end belongs to this user.
func isMine(c *net.UnixConn) bool {
	raw, err := c.SyscallConn()
	if err != nil {
		return false
	}
	mine := false
	err = raw.Control(func(fd uintptr) {
		uid, err := peer(int(fd))
		mine = err == nil && int(uid) == os.Geteuid()
	})
	return err == nil && mine
}
