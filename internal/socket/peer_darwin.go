package socket

import (
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// IsAvailable says whether this system tells who answers at a socket.
const IsAvailable = true

// isMine reports whether the process at the other end belongs to this user (LOCAL_PEERCRED, unix(4)).
func isMine(c *net.UnixConn) bool {
	raw, err := c.SyscallConn()
	if err != nil {
		return false
	}
	mine := false
	err = raw.Control(func(fd uintptr) {
		peer, err := unix.GetsockoptXucred(int(fd), unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
		mine = err == nil && int(peer.Uid) == os.Geteuid()
	})
	return err == nil && mine
}

// Namespace names the processes that see the same files; there is only one.
func Namespace() string { return "" }
