//go:build unix

package flat

import "golang.org/x/sys/unix"

// forget only saves memory: its error changes nothing.
func forget(pages []byte) {
	if len(pages) > 0 {
		_ = unix.Madvise(pages, unix.MADV_DONTNEED)
	}
}
