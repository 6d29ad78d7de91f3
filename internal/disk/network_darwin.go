package disk

import "golang.org/x/sys/unix"

// OnNetwork reports whether locks and shared memory are unreliable on the file system: all that are not local.
func OnNetwork(dir string) bool {
	var st unix.Statfs_t
	return unix.Statfs(dir, &st) == nil && st.Flags&unix.MNT_LOCAL == 0
}
