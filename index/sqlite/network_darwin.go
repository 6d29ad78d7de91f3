package sqlite

import "golang.org/x/sys/unix"

// onNetwork tells the file systems on which locks and shared memory cannot be trusted: all that are not local.
func onNetwork(dir string) bool {
	var st unix.Statfs_t
	return unix.Statfs(dir, &st) == nil && st.Flags&unix.MNT_LOCAL == 0
}
