package socket

import "golang.org/x/sys/unix"

// peer returns the user of the process at the other end (LOCAL_PEERCRED, unix(4)).
func peer(fd int) (uid uint32, err error) {
	c, err := unix.GetsockoptXucred(fd, unix.SOL_LOCAL, unix.LOCAL_PEERCRED)
	if err != nil {
		return 0, err
	}
	return c.Uid, nil
}

// Namespace names the processes that see the same files; there is only one.
func Namespace() string { return "" }
