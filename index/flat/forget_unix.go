//go:build unix

package flat

import "golang.org/x/sys/unix"

// forget releases pages to save memory. Its error does not matter.
func forget(pages []byte) {
	if len(pages) > 0 {
		_ = unix.Madvise(pages, unix.MADV_DONTNEED)
	}
}
