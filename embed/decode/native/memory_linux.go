package native

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// memoryLimit limits the process's private memory while a library decodes, so that a hostile file cannot make it take the machine's.
type memoryLimit struct{ hard uint64 }

func newMemoryLimit() memoryLimit {
	var r unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_DATA, &r) != nil {
		r.Max = unix.RLIM_INFINITY
	}
	return memoryLimit{r.Max}
}

// stacks is what new threads and the allocators' arenas reserve, mostly without using it.
const stacks = 128 << 20

// set allows n more bytes than the process has now, and the stacks; 0: any number.
func (m memoryLimit) set(n int64) {
	most := m.hard
	if n > 0 {
		used, ok := privateBytes()
		if !ok {
			return
		}
		most = min(most, used+uint64(n)+stacks)
	}
	_ = unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: most, Max: m.hard})
}

// privateBytes returns what RLIMIT_DATA counts (getrlimit(2)).
func privateBytes() (uint64, bool) {
	data, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, "VmData:"); ok {
			kb, err := strconv.ParseUint(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
			return kb << 10, err == nil
		}
	}
	return 0, false
}
