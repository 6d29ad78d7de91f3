package ortlib

import "golang.org/x/sys/unix"

// noExec reports whether libraries in dir cannot be mapped as code.
func noExec(dir string) bool {
	var st unix.Statfs_t
	return unix.Statfs(dir, &st) == nil && st.Flags&unix.ST_NOEXEC != 0
}
