package atomicfile

import (
	"fmt"
	"hash/fnv"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// foreignAge is the age from which on an unfinished file of another machine counts as a leftover.
const foreignAge = 7 * 24 * time.Hour

// ownName is what Name puts in the place of the *. Files with other names are not ours.
var ownName = regexp.MustCompile(`^[0-9a-f]{8}-\d+-\d+`)

// Name returns a new name for an unfinished file: the pattern's * is replaced by this machine, this process and a random number.
func Name(pattern string) string {
	return strings.Replace(pattern, "*", fmt.Sprintf("%s-%d-%d", machine(), os.Getpid(), rand.Uint32()), 1) //nolint:gosec // it need only be free
}

// machine identifies the machine and, on Linux, the namespace in which process ids count.
var machine = sync.OnceValue(func() string {
	h := fnv.New32a()
	host, _ := os.Hostname()                     // "" still tells most machines apart by the namespace
	space, _ := os.Readlink("/proc/self/ns/pid") // "" elsewhere
	id, _ := os.ReadFile("/etc/machine-id")      // many machines have the same name
	fmt.Fprint(h, host, space, string(id))
	return fmt.Sprintf("%08x", h.Sum32())
})

// Sweep removes the unfinished files of a pattern that crashed or killed processes have left in a folder, with files whose names begin
// with theirs (SQLite's -wal). Files of running processes stay. What cannot be removed is left alone.
func Sweep(dir, pattern string) {
	before, after, _ := strings.Cut(pattern, "*")
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), before)
		if !ok || !e.Type().IsRegular() || !ownName.MatchString(rest) || !strings.Contains(rest, after) {
			continue
		}
		if info, err := e.Info(); err == nil && isLeftover(rest, info) {
			os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

// isLeftover reports whether the process that made an unfinished file is gone. name is what replaced the *, and more.
func isLeftover(name string, info fs.FileInfo) bool {
	parts := strings.SplitN(name, "-", 3)
	if len(parts) == 3 && parts[0] == machine() {
		if pid, err := strconv.Atoi(parts[1]); err == nil {
			return !isRunning(pid)
		}
	}
	return time.Since(info.ModTime()) > foreignAge
}
