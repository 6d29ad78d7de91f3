//go:build unix

package disk

import "golang.org/x/sys/unix"

// Free returns the free space that is available to ordinary users, in bytes.
func Free(dir string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return st.Bavail * uint64(st.Bsize), nil //nolint:nolintlint,unconvert // the types differ between systems
}
