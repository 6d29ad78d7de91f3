package machine

import (
	"math"

	"golang.org/x/sys/unix"
)

// AddressSpace returns the number of bytes that the process may map (ulimit -v); math.MaxUint64 means that there is no limit.
func AddressSpace() uint64 {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_AS, &limit); err != nil || limit.Cur == unix.RLIM_INFINITY {
		return math.MaxUint64
	}
	return limit.Cur
}
