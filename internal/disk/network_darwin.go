package disk

import "golang.org/x/sys/unix"

// OnNetwork tells the file systems on which locks and shared memory cannot be trusted: all that are not local.
func OnNetwork(dir string) bool {
	var st unix.Statfs_t
	return unix.Statfs(dir, &st) == nil && st.Flags&unix.MNT_LOCAL == 0
}
