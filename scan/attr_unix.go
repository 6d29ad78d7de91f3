//go:build unix

package scan

import (
	"errors"
	"io/fs"
	"syscall"
)

func device(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Dev) //nolint:unconvert,nolintlint // its type differs between systems
	}
	return 0
}

// isGone reports whether err means that a file no longer exists, rather than that it cannot be read.
func isGone(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) }
