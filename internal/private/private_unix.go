//go:build unix

package private

import (
	"io/fs"
	"os"
	"syscall"
)

const checked = true

func check(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	const group, others = 0o020, 0o002
	mode := info.Mode()
	switch {
	case st.Uid != 0 && int(st.Uid) != os.Geteuid():
		err = ErrForeign
	case mode&others != 0, mode&group != 0 && !isOwnGroup(int(st.Gid)):
		err = ErrShared
	default:
		return nil
	}
	return &fs.PathError{Op: "trust", Path: path, Err: err}
}

// isOwnGroup reports whether a group is the one that many systems give each user, with the user's number and no other member. Where they do,
// new folders are writable for it.
func isOwnGroup(gid int) bool { return gid == os.Getegid() && gid == os.Geteuid() }
