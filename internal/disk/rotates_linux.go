package disk

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// rotates asks the kernel's block layer, which records this for the disk of a partition.
func rotates(path string) bool {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil {
		return false
	}
	device, err := filepath.EvalSymlinks(fmt.Sprintf("/sys/dev/block/%d:%d", unix.Major(st.Dev), unix.Minor(st.Dev)))
	if err != nil {
		return false
	}
	return rotatesAt(device)
}

func rotatesAt(device string) bool {
	for _, dir := range []string{device, filepath.Dir(device)} {
		if data, err := os.ReadFile(filepath.Join(dir, "queue", "rotational")); err == nil {
			return strings.TrimSpace(string(data)) == "1"
		}
	}
	return false
}
