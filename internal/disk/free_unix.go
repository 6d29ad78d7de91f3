//go:build unix

package disk

import "golang.org/x/sys/unix"

// Free is the space in bytes that an ordinary user may still fill.
func Free(dir string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return st.Bavail * uint64(st.Bsize), nil //nolint:nolintlint,unconvert // the types differ between systems
}
