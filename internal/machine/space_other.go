//go:build !linux

package machine

import "math"

// AddressSpace returns the number of bytes that the process may map; math.MaxUint64 means that there is no limit that this system enforces.
func AddressSpace() uint64 { return math.MaxUint64 }
