package native

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// memoryLimit limits the process's memory while a library decodes, so that a hostile file cannot make it take the machine's. RLIMIT_DATA limits
// what C allocates; Go, and so WebAssembly, allocates inside address space that it has reserved, which only RLIMIT_AS limits.
type memoryLimit struct{ data, space resource }

// resource is a limit, and the line of /proc/self/status that says how much is used.
type resource struct {
	number int
	used   string
	// slack is what threads and allocators reserve in addition, mostly without using it.
	slack uint64
	hard  uint64
}

func newMemoryLimit() memoryLimit {
	m := memoryLimit{
		data:  resource{number: unix.RLIMIT_DATA, used: "VmData:", slack: 128 << 20},
		space: resource{number: unix.RLIMIT_AS, used: "VmSize:", slack: 768 << 20},
	}
	for _, r := range []*resource{&m.data, &m.space} {
		var l unix.Rlimit
		if r.hard = unix.RLIM_INFINITY; unix.Getrlimit(r.number, &l) == nil {
			r.hard = l.Max
		}
	}
	return m
}

// set allows n more bytes than the process has now, and the slack; 0: any number.
func (m memoryLimit) set(n int64) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return
	}
	for _, r := range []resource{m.data, m.space} {
		most := r.hard
		if used, ok := inStatus(string(status), r.used); n > 0 && ok {
			most = min(most, used+uint64(n)+r.slack)
		}
		_ = unix.Setrlimit(r.number, &unix.Rlimit{Cur: most, Max: r.hard})
	}
}

// inStatus returns a number of bytes from /proc/self/status.
func inStatus(status, name string) (uint64, bool) {
	for line := range strings.Lines(status) {
		if value, ok := strings.CutPrefix(line, name); ok {
			kb, err := strconv.ParseUint(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
			return kb << 10, err == nil
		}
	}
	return 0, false
}
