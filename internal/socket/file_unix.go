//go:build unix

package socket

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// FileID names a file, wherever it is moved on its disk, as long as it exists.
func FileID(path string) (string, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return "", err
	}
	return fmt.Sprintf("%x-%x", st.Dev, st.Ino), nil
}
