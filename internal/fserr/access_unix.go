//go:build unix

package fserr

import (
	"io/fs"
	"os/user"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// access returns an error if this process may not read a file.
func access(path string) error { return unix.Access(path, unix.R_OK) }

// Writable reports whether this process may write an existing file. Like Denied, it does not open the file.
func Writable(path string) bool { return unix.Access(path, unix.W_OK) == nil }

// owner returns the name of a file's owner, or the number if it has no name.
func owner(info fs.FileInfo) string {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	id := strconv.FormatUint(uint64(stat.Uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}
