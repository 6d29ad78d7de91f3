//go:build unix

package regular

import "syscall"

// nonBlock makes opening a FIFO return at once; it changes nothing about regular files.
const nonBlock, noFollow = syscall.O_NONBLOCK, syscall.O_NOFOLLOW
